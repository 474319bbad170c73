"""Reads a launch command, as people paste it, back into options; nothing is ever executed."""

import re
from collections.abc import Sequence
from dataclasses import replace

from kvdesk.export.containers import read_run
from kvdesk.export.dialects.imported import Imported
from kvdesk.export.programs import find_program, read_program
from kvdesk.export.shells import BY_NAME as SHELLS
from kvdesk.export.shells import Shell

_VARIABLE = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_POWERSHELL_VARIABLE = re.compile(r"\$env:(\w+)\s*=\s*", re.IGNORECASE)
# Words that only say how a command is run.
_AROUND = frozenset(
    {"export", "set", "env", "sudo", "nohup", "time", "exec", "start", "&", "&&", ";", "uv", "run"}
)
_ENGINES = frozenset({"docker", "podman", "nerdctl"})


def parse_text(text: str, shell: Shell | None = None) -> Imported:
    """Read a command as typed; the shell is guessed from its continuations and quotes when not given.

    Raises ExportError for an unclosed quotation mark and OptionError for values no option accepts.
    """
    shell = shell or guess_shell(text)
    code = "\n".join(line for line in text.splitlines() if not _is_comment(line))
    return parse_words(shell.split(_POWERSHELL_VARIABLE.sub(r"\1=", code)))


def parse_words(words: Sequence[str]) -> Imported:
    """Read a command that a shell has already split."""
    for index, word in enumerate(words[:-1]):
        if word in _ENGINES and words[index + 1] == "run":
            read = read_run(words[index + 2 :])
            _, foreign = _before(words[:index])
            return replace(read, unknown=(*foreign, *read.unknown))
    if program := find_program(words):
        name, before, after = program.name, program.before, program.after
    else:
        end = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
        name, before, after = "llama-server", list(words[:end]), list(words[end:])
    variables, foreign = _before(before)
    read = read_program(name, after, variables)
    return replace(read, unknown=(*foreign, *read.unknown))


def guess_shell(text: str) -> Shell:
    """Tell the shell a command was written for from what only that shell has."""
    if re.search(r"\^\s*\n|%\w+%|^\s*(?:rem\b|::|@echo)|^\s*set \"?\w+=", text, re.IGNORECASE | re.MULTILINE):
        return SHELLS["cmd"]
    if re.search(r"`\s*\n|\$env:|^\s*&\s", text, re.MULTILINE):
        return SHELLS["powershell"]
    if re.search(r"(?<![A-Za-z])[A-Za-z]:\\(?!\s)", text):  # a Windows path, which bash would garble
        return SHELLS["powershell" if "'" in text else "cmd"]
    return SHELLS["bash"]


def _before(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Take what stands before a program apart: variables that are set there, and other words."""
    variables: dict[str, str] = {}
    others: list[str] = []
    for word in words:
        if match := _VARIABLE.fullmatch(word):
            variables[match[1]] = match[2].removesuffix(";")
        elif word not in _AROUND:
            others.append(word)
    return variables, others


def _is_comment(line: str) -> bool:
    return re.match(r"\s*(?:#|rem\b|::|@echo\b)", line, re.IGNORECASE) is not None
