"""A section for llama-server's models preset file (--models-preset), as common/preset.cpp reads it."""

from kvdesk.errors import ExportError
from kvdesk.export.explain import HOME, comment, fill_in_home
from kvdesk.export.exporter import Exporter, Flag, Launch, folder_and_file, home_as
from kvdesk.export.llama_flags import EXPRESSED, WRITTEN_FOR, model_flag, server_flags, server_warnings
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

ON = "true"  # is_truthy in common/arg.cpp; a preset has no flags without a value


def flags(launch: Launch) -> tuple[Flag, ...]:
    """Keys and values: llama-server's long flags without their dashes. Raises ExportError."""
    named = Launch(home_as(launch.model, HOME), launch.options, launch.shape)
    return tuple(
        Flag((flag.words[0].lstrip("-"), *(flag.words[1:] or (ON,))), flag.why)
        for flag in (model_flag(named.model), *server_flags(named))
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What llama-server cannot be told, and what the reader has to fill in."""
    return (*server_warnings(launch), *fill_in_home(launch, "llama-server"))


def section(model: str) -> str:
    """The section's name, by which requests ask for the model: the file's, without brackets."""
    name = folder_and_file(model)[1].removesuffix(".gguf")
    return "".join("_" if character in "[]" else character for character in name).strip() or "model"


def render(launch: Launch, shell: Shell) -> str:
    """The file. Raises ExportError for a value that the file format would cut."""
    found = flags(launch)
    title = f"llama-server --models-preset THIS_FILE, keys of {WRITTEN_FOR}."
    lines = [f"{flag.words[0]} = {_value(flag.words[1])}" for flag in found]
    head = comment("#", title, found[1:], warnings(launch))
    return f"{head}\n[{section(launch.model)}]\n" + "".join(f"{line}\n" for line in lines)


def _value(text: str) -> str:
    if any(character in text for character in ";#\r\n") or text != text.strip():
        raise ExportError(
            "“{text}” cannot stand in a preset file.",
            "llama.cpp ends a value there at ; and at #; rename the file or rewrite the pattern.",
            text=text,
        )
    return text


EXPORTER = Exporter(
    "llama-server-preset",
    "llama-server models preset (INI)",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="llama.cpp",
    file_name="models.ini",
)
