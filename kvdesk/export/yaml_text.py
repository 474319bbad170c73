"""Reads YAML that somebody pasted: every scalar as text, and nothing that grows beyond what was pasted."""

from typing import Any

import yaml

from kvdesk.errors import ExportError

MOST_ALIASES = 200


class _Loader(yaml.BaseLoader):  # type: ignore[misc]  # the library has no types
    """BaseLoader makes texts, lists and mappings and nothing else; an alias is the same object again."""

    aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count the aliases: a file with very many of them is no launch file."""
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MOST_ALIASES:
                raise yaml.YAMLError("too many aliases")
        return super().compose_node(parent, index)


def read_yaml(text: str) -> dict[str, Any]:
    """Read a mapping. Raises ExportError for what is none, and for what is no YAML."""
    try:
        content = yaml.load(text, Loader=_Loader)  # made from BaseLoader
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ExportError(
            "This looks like YAML, but it cannot be read (line {line}).",
            "Paste the whole file, with its indentation.",
            line=mark.line + 1 if mark is not None else 1,
        ) from None
    return merged(content)


def merged(content: object) -> dict[str, Any]:
    """A mapping, with what its “<<” takes over from another one; anything else is an empty one."""
    if not isinstance(content, dict):
        return {}
    sources = content.get("<<", [])
    found: dict[str, Any] = {}
    for source in reversed(sources if isinstance(sources, list) else [sources]):
        found |= source if isinstance(source, dict) else {}
    return found | {key: value for key, value in content.items() if key != "<<" and isinstance(key, str)}
