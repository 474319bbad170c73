"""A model for llama-swap's configuration: the llama-server command that it starts on demand."""

import json

from kvdesk.errors import ExportError
from kvdesk.export.explain import comment
from kvdesk.export.exporter import Exporter, Flag, Launch, home_as
from kvdesk.export.llama_flags import EXPRESSED, WRITTEN_FOR, model_flag, server_flags, server_warnings
from kvdesk.export.model_presets import section
from kvdesk.export.shells import BY_NAME, Shell
from kvdesk.memory.report import Refusal

HOME = "${env.HOME}"  # llama-swap's macro for a variable of its environment
PORT = Flag(("--port", "${PORT}"), "The port that llama-swap chooses.")


def flags(launch: Launch) -> tuple[Flag, ...]:
    """llama-server's flags, and the port. Raises ExportError as `option_flags` does."""
    return (model_flag(home_as(launch.model, HOME)), PORT, *server_flags(launch))


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-server command cannot say."""
    return server_warnings(launch)


def render(launch: Launch, shell: Shell) -> str:
    """The file. Raises ExportError for a value that llama-swap would take for one of its macros."""
    found = flags(launch)
    quote = BY_NAME["bash"].quote  # llama-swap splits commands as a POSIX shell does, and runs none
    lines = ["llama-server"]
    for flag in found:
        for word in flag.words:
            _check(word.removeprefix(HOME) if flag is not PORT else "")
        lines.append(" ".join(word if flag is PORT else quote(word) for word in flag.words))
    command = "".join(f"      {line}\n" for line in lines)
    head = comment("#", f"llama-swap, flags of {WRITTEN_FOR}.", found[1:], warnings(launch))
    name = json.dumps(section(launch.model), ensure_ascii=False)
    return f"{head}models:\n  {name}:\n    cmd: |\n{command}"


def _check(word: str) -> None:
    if "${" in word or any(ord(character) < 32 for character in word):
        raise ExportError(
            "“{word}” cannot stand in llama-swap's file.",
            "It would be read as a macro or a new line; rename the file or rewrite the pattern.",
            word=word,
        )


EXPORTER = Exporter(
    "llama-swap",
    "llama-swap (YAML)",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="llama-swap.yaml",
)
