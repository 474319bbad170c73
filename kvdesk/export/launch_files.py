"""Files that hold launches, one function for each form: presets, llama-swap, Compose, systemd units."""

import configparser
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kvdesk.errors import ExportError
from kvdesk.export.containers import Container, add_folder, read_container, variables_of
from kvdesk.export.dialects import llama
from kvdesk.export.dialects.imported import Imported
from kvdesk.export.parse import parse_words
from kvdesk.export.shells import BY_NAME as SHELLS
from kvdesk.export.yaml_text import merged, read_yaml

_MACRO = re.compile(r"\$\{([\w-]+)\}")
_SPECIFIER = re.compile(r"%h|%%|\$\$")  # of systemd
_MOST_MACROS = 8  # macros may name macros
_LONGEST_COMMAND = 64 * 1024


def read_preset(text: str, name: str = "") -> Imported:
    """Read llama-server's models preset; “[*]” and what stands before any section is of all models."""
    parser = configparser.RawConfigParser(
        strict=False,
        delimiters=("=",),
        comment_prefixes=("#", ";"),
        default_section="*",
        allow_no_value=False,
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys may be variables, in capitals
    try:
        parser.read_string(f"[*]\n{text}")
    except configparser.Error:
        raise ExportError(
            "This looks like a preset, but it cannot be read.", "Write “[name]” and “key = value” lines."
        ) from None
    names = tuple(parser.sections())
    chosen = _choose(names, name) if names else ""
    keys = dict(parser[chosen] if chosen else parser.defaults())
    keys.pop("version", None)
    words, foreign = llama.words_of_preset(keys)
    read = llama.read_words("llama-server", words, {})
    return _named(replace(read, unknown=(*foreign, *read.unknown)), chosen, names)


def read_swap(text: str, name: str = "") -> Imported:
    """Read a llama-swap file: the command of a model, with its macros and variables."""
    content = read_yaml(text)
    models = merged(content.get("models"))
    names = tuple(models)
    chosen = _choose(names, name)
    model = merged(models[chosen])
    macros = merged(content.get("macros")) | merged(model.get("macros")) | {"MODEL_ID": chosen}
    command = _filled(str(model.get("cmd", "")), macros)
    lines = (line for line in command.splitlines() if not line.lstrip().startswith("#"))
    variables = [f"{key}={value}" for key, value in variables_of(model.get("env")).items()]
    return _named(parse_words([*variables, *SHELLS["bash"].split(" ".join(lines))]), chosen, names)


def read_compose(text: str, name: str = "") -> Imported:
    """Read a service of a Compose file; one alone may be pasted without “services:”."""
    content = read_yaml(text)
    services = merged(content.get("services")) or ({"": content} if "image" in content else content)
    running = {key: merged(service) for key, service in services.items()}
    names = tuple(key for key, service in running.items() if _is_family(service))
    chosen = _choose(names, name)
    service = running[chosen]
    container = Container(
        image=str(service.get("image", "")),
        entrypoint=_words(service.get("entrypoint")),
        words=_words(service.get("command")),
        variables=variables_of(merged(service["environment"]) or service["environment"])
        if "environment" in service
        else {},
    )
    for volume in service.get("volumes") or ():
        if isinstance(volume, dict):
            container.folders.append(
                (str(volume.get("source", "")), str(volume.get("target", "")).rstrip("/"))
            )
        else:
            add_folder(container, str(volume))
    return _named(read_container(container), chosen, names)


def read_unit(text: str) -> Imported:
    """Read a systemd unit: its ExecStart, and the variables of its Environment lines."""
    lines = re.sub(r"\\\r?\n", " ", text).splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        key, has_value, value = line.strip().partition("=")
        if has_value and not key.startswith(("#", ";")):
            found.setdefault(key.strip(), []).append(value.strip())
    words = [word for value in found.get("Environment", ()) for word in SHELLS["bash"].split(value)]
    if not found.get("ExecStart"):
        raise ExportError("This unit starts nothing.", "Paste the whole file, with its ExecStart line.")
    command = _SPECIFIER.sub(
        lambda match: "~" if match[0] == "%h" else match[0][0], found["ExecStart"][-1].lstrip("@-:+!")
    )
    return parse_words([*words, *SHELLS["bash"].split(command)])


def _choose(names: tuple[str, ...], name: str) -> str:
    if not names:
        raise ExportError("This file has no model in it.", "Paste the whole file.")
    if name and name not in names:
        raise ExportError(
            "This file has no “{name}”.", "It has {names}.", name=name, names=", ".join(names[:20])
        )
    return name or names[0]


def _named(read: Imported, name: str, names: tuple[str, ...]) -> Imported:
    return replace(read, name=name, names=names if len(names) > 1 else ())


def _filled(command: str, macros: Mapping[str, Any]) -> str:
    """Put macros in; one that is not defined (such as the port) stays as it is."""
    for _ in range(_MOST_MACROS):
        filled = _MACRO.sub(lambda match: str(macros.get(match[1], match[0])), command)
        if len(filled) > _LONGEST_COMMAND:
            raise ExportError("The command of this model is too long.", "Its macros name each other.")
        if filled == command:
            break
        command = filled
    return command


def _words(written: object) -> list[str]:
    """Words of a Compose file, in which “$$” is a dollar sign."""
    words = [str(each) for each in written] if isinstance(written, list) else []
    if isinstance(written, str):
        words = SHELLS["bash"].split(written)
    return [word.replace("$$", "$") for word in words]


def _is_family(service: Mapping[str, Any]) -> bool:
    """Whether a service runs one of the programs that are read here."""
    text = " ".join([str(service.get("image", "")), *_words(service.get("entrypoint"))[:1]])
    text += " " + " ".join(_words(service.get("command"))[:1])
    return re.search(r"llama|koboldcpp|gguf", text, re.IGNORECASE) is not None
