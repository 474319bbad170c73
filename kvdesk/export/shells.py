"""Quoting for the three shells people paste commands into, and the same rules read backwards.

For each of them `split(quote(word)) == [word]`, for every word without control characters; a leading `~/`
stands for the home directory and is written as the shell's own name for it.
"""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from kvdesk.errors import ExportError

ShellName = Literal["bash", "powershell", "cmd"]


@dataclass(frozen=True, slots=True)
class Shell:
    """How one shell quotes, continues a line, comments, names its scripts, and is split into words again."""

    name: ShellName
    title: str
    continuation: str
    comment: str
    ending: str
    quote: Callable[[str], str]
    split: Callable[[str], list[str]]


def join(shell: Shell, groups: Sequence[Sequence[str]]) -> str:
    """Join groups of words (a flag and its value) into one command, a group a line.

    Raises ExportError for a word with control characters, which no shell passes on reliably.
    """
    lines = [" ".join(_quote(shell, word) for word in group) for group in groups]
    return f" {shell.continuation}\n  ".join(lines)


_HOME = re.compile(r"^(?:\$HOME|\$\{HOME\}|\$env:USERPROFILE|\$env:HOME|%USERPROFILE%)(?=[/\\])", re.I)


def portable_home(path: str) -> str:
    """Write any shell's name for the home directory at the start of a path as `~`."""
    return _HOME.sub("~", path)


def _quote(shell: Shell, word: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in word):
        raise ExportError(
            "“{word}” has a line break or another control character in it.",
            "Rename the file; no shell passes such a name on reliably.",
            word=word.encode("unicode_escape").decode(),
        )
    return shell.quote(word)


def _words(text: str, pattern: re.Pattern[str], read: Callable[[re.Match[str]], str]) -> list[str]:
    """Split by a pattern of word pieces; a group named `blank` ends a word.

    Raises ExportError where nothing matches: a quote that is never closed.
    """
    words: list[str] = []
    pieces: list[str] = []
    position = 0
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            raise ExportError("A quotation mark in the command is never closed.", "Paste the whole command.")
        position = match.end()
        if match["blank"] is None:
            pieces.append(read(match))
        elif pieces:
            words.append("".join(pieces))
            pieces = []
    return [*words, "".join(pieces)] if pieces else words


# -------------------------------------------------------------------------------------------------- bash


def _quote_bash(word: str) -> str:
    if word.startswith("~/"):  # the tilde expands only outside quotes
        return "~/" + (shlex.quote(word[2:]) if word[2:] else "")
    return shlex.quote(word)


_BASH = re.compile(
    r"""'(?P<single>[^']*)'|"(?P<double>(?:\\.|[^"\\])*)"|(?P<continued>\\\r?\n)|\\(?P<escaped>.)"""
    r"""|(?P<blank>\s+)|(?P<plain>[^\s'"\\]+)""",
    re.DOTALL,
)


def _split_bash(text: str) -> list[str]:
    def read(match: re.Match[str]) -> str:
        if match["double"] is not None:
            return re.sub(r'\\([$`"\\\n])', lambda m: m[1].strip("\n"), match["double"])
        return match["single"] or match["escaped"] or match["plain"] or ""

    return _words(re.sub(r"\s\\\r?\n", " ", text), _BASH, read)


# -------------------------------------------------------------------------------------------- PowerShell

_SINGLE = "'‘’‚‛"  # PowerShell takes typographic quotation marks for straight ones
_DOUBLE = '"“”„'


def _quote_powershell(word: str) -> str:
    if word.startswith(("~/", "~\\")):
        return '"$HOME' + re.sub(f"([`${_DOUBLE}])", r"`\1", word[1:]) + '"'
    if re.fullmatch(r"[A-Za-z0-9_./:\\=+-]+", word):
        return word
    return "'" + re.sub(f"([{_SINGLE}])", r"\1\1", word) + "'"


_POWERSHELL = re.compile(
    rf"[{_SINGLE}](?P<single>(?:[^{_SINGLE}]|[{_SINGLE}]{{2}})*)[{_SINGLE}]"
    rf"|[{_DOUBLE}](?P<double>(?:`.|[^`{_DOUBLE}]|[{_DOUBLE}]{{2}})*)[{_DOUBLE}]"
    rf"|`(?P<escaped>.)|(?P<blank>\s+)|(?P<plain>[^\s`{_SINGLE}{_DOUBLE}]+)",
    re.DOTALL,
)


def _split_powershell(text: str) -> list[str]:
    def read(match: re.Match[str]) -> str:
        if match["double"] is not None:
            return re.sub(f"`(.)|[{_DOUBLE}]([{_DOUBLE}])", lambda m: m[1] or m[2], match["double"])
        if match["single"] is not None:
            return re.sub(f"[{_SINGLE}]([{_SINGLE}])", r"\1", match["single"])
        return match["escaped"] or match["plain"]

    return _words(re.sub(r"`\r?\n", " ", text), _POWERSHELL, read)


# --------------------------------------------------------------------------------------------------- cmd


def _quote_cmd(word: str) -> str:
    """Quote for a batch file: first as the C runtime reads arguments, then as cmd.exe reads lines."""
    if re.fullmatch(r"[A-Za-z0-9_./:\\+-]+", word):
        return word
    is_home = word.startswith(("~/", "~\\"))
    quoted = re.sub(r'(\\*)"', r'\1\1\\"', word[1:] if is_home else word)  # before a quote, \ counts double
    quoted = re.sub(r"(\\+)$", r"\1\1", quoted)
    quoted = '"' + ("%USERPROFILE%" if is_home else "") + quoted.replace("%", "%%") + '"'
    if '"' in word:  # it would end cmd.exe's own quoting, so every special character needs its caret
        quoted = re.sub(r'([\^&|<>()"])', r"^\1", quoted)
    return quoted


_CMD = re.compile(r'\^\r?\n\s*|\^(?P<escaped>.)|(?P<quoted>"[^"]*"?)|(?P<plain>[^"^]+)', re.DOTALL)


def _split_cmd(text: str) -> list[str]:
    """Read a batch line: cmd.exe's carets and per cents first, then the C runtime's quotes."""
    plain = _CMD.sub(lambda m: m["escaped"] or m["quoted"] or m["plain"] or "", text).replace("%%", "%")
    return _split_c_runtime(plain)


def _split_c_runtime(line: str) -> list[str]:
    """Split as CommandLineToArgvW does: backslashes are special only before a quotation mark."""
    words: list[str] = []
    word: list[str] | None = None
    is_quoted = False
    for match in re.finditer(r'(?P<before>\\*)"|(?P<blank>\s+)|(?P<plain>[^\s"\\]+|\\+)', line):
        if match["before"] is not None:
            word = [*(word or []), "\\" * (len(match["before"]) // 2)]
            if len(match["before"]) % 2:
                word.append('"')
            else:
                is_quoted = not is_quoted
        elif match["blank"] and not is_quoted:
            words += ["".join(word)] if word is not None else []
            word = None
        else:
            word = [*(word or []), match[0]]
    if is_quoted:
        raise ExportError("A quotation mark in the command is never closed.", "Paste the whole command.")
    return [*words, "".join(word)] if word is not None else words


SHELLS: tuple[Shell, ...] = (
    Shell("bash", "bash, zsh", "\\", "#", ".sh", _quote_bash, _split_bash),
    Shell("powershell", "PowerShell", "`", "#", ".ps1", _quote_powershell, _split_powershell),
    Shell("cmd", "Command Prompt (.bat)", "^", "rem", ".bat", _quote_cmd, _split_cmd),
)
BY_NAME: dict[str, Shell] = {shell.name: shell for shell in SHELLS}
