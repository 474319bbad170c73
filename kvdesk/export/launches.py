"""The way back in: reads whatever launch somebody pasted, in any of the forms that are known."""

import re
from collections.abc import Callable

from kvdesk.errors import ExportError
from kvdesk.export import launch_files
from kvdesk.export.dialects import kobold, ollama
from kvdesk.export.dialects.imported import Imported
from kvdesk.export.parse import parse_text
from kvdesk.export.programs import find_program
from kvdesk.plan.options import LoadOptions
from kvdesk.units import KIB

MOST_CHARACTERS = 256 * KIB

_KEY = re.compile(r"[\w.-]+:(?:\s|$)")
_SECTION = re.compile(r"\[[^\]]+\]")


def read_launch(text: str, name: str = "") -> Imported:
    """Read a command, a preset, a llama-swap file, a .kcpps, a Modelfile, a Compose service or a unit.

    `name` chooses among the launches of a file, the first otherwise. Nothing is executed and no file opened.
    Raises ExportError for what is none of these, OptionError for a value that no option accepts.
    """
    text = text.removeprefix("\ufeff").strip()
    _check(text)
    if read_file := _file_reader(text):
        return read_file(text, name)
    read_command = parse_text(text)
    if not (_names_program(text) or read_command.model or _says_something(read_command)):
        raise ExportError(
            "No launch of llama.cpp’s family was recognised.",
            "Paste a command such as “llama-server -m model.gguf -c 8192”, or a file of a known form.",
        )
    return read_command


def _file_reader(text: str) -> Callable[[str, str], Imported] | None:
    """The reader of the form that a text has, told from what no other form has; None for a command."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip() and line.lstrip()[0] not in "#;"]
    keys = {line.partition(":")[0] for line in lines if _KEY.match(line)}
    is_section = [_SECTION.fullmatch(line) is not None for line in lines]
    if text.startswith("{"):
        return _without_name(kobold.read_file)
    if "[Service]" in lines:
        return _without_name(launch_files.read_unit)
    if "services" in keys or (keys and any(line.lstrip().startswith("image:") for line in lines)):
        return launch_files.read_compose
    if "models" in keys:
        return launch_files.read_swap
    if any(line[:5].upper() == "FROM " for line in lines):
        return _without_name(ollama.read_file)
    if any(is_section) and all("=" in line for line in lines[: is_section.index(True)]):
        return launch_files.read_preset
    return None


def _without_name(read: Callable[[str], Imported]) -> Callable[[str, str], Imported]:
    return lambda text, name: read(text)


def _check(text: str) -> None:
    if not text:
        raise ExportError("There is nothing to read.", "Paste a launch command or a file.")
    if len(text) > MOST_CHARACTERS:
        raise ExportError(
            "This is too long for a launch: {count} characters.", "Paste the command alone.", count=len(text)
        )
    if any(character < " " and character not in "\t\r\n\f" for character in text) or "\ufffd" in text:
        raise ExportError("This is no text.", "Paste a launch command, or a file that holds one.")


def _names_program(text: str) -> bool:
    return find_program(text.split()) is not None or re.search(r"\b(docker|podman) run\b", text) is not None


def _says_something(read: Imported) -> bool:
    plain = (LoadOptions(), LoadOptions(parallel=4, kv_unified=True))
    return read.options not in plain
