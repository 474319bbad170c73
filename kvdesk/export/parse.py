"""Reads a llama.cpp launch command, as people paste it, back into options; nothing is ever executed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kvdesk.errors import OptionError
from kvdesk.export.llama_flags import LOAD_MODES, PINS
from kvdesk.export.shells import BY_NAME as SHELLS
from kvdesk.export.shells import Shell, portable_home
from kvdesk.plan.options import OPTIONS, LoadOptions, OptionRow
from kvdesk.plan.parse import read_value

_PROGRAM = re.compile(r"(?:^|[/\\])(llama-[a-z0-9-]+|server|main)(?:\.exe)?$", re.IGNORECASE)
_OLD_NAMES = {"server": "llama-server", "main": "llama-cli"}
_NUMBER = re.compile(r"^-\d")
_MODEL_FLAGS = frozenset({"-m", "--model", "-mu", "--model-url"})
_LOAD_MODE_FLAGS = frozenset({"-lm", "--load-mode"})
_MINUS_ONE_CHOOSES = frozenset({"parallel", "threads", "threads_batch"})
_PINS = frozenset(flag.words for flag in PINS)
_PIN_ALIASES = {
    "-fit": "--fit",
    "-cram": "--cache-ram",
    "-ctxcp": "--ctx-checkpoints",
    "--swa-checkpoints": "--ctx-checkpoints",
}
_ROWS = {flag: row for row in OPTIONS for flag in (*row.spec.flags, *row.spec.off_flags)}


@dataclass(frozen=True, slots=True)
class Imported:
    """A launch command as options. `unknown` are its words that no option stands for, in order.

    `notes` are English sentences about what the target does that the options do not say.
    """

    target: str
    model: str
    options: LoadOptions
    unknown: tuple[str, ...]
    notes: tuple[str, ...]


class _Reading:
    """The words still to be read, and what the others said."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.model = ""
        self.values: dict[str, object] = {}
        self.unknown: list[str] = []
        self.pins: set[tuple[str, ...]] = set()

    def value(self, flag: str) -> str:
        """Take the next word as the flag's value. Raises OptionError at the end of the command."""
        if not self.words:
            raise OptionError("{flag} has no value.", "Write one after it, or leave the flag out.", flag=flag)
        return self.words.pop(0)


def parse_text(text: str, shell: Shell | None = None) -> Imported:
    """Read a command as typed; the shell is guessed from its continuations and quotes when not given.

    Raises ExportError for an unclosed quotation mark and OptionError for values no option accepts.
    """
    shell = shell or guess_shell(text)
    code = "\n".join(line for line in text.splitlines() if not _is_comment(line))
    return parse_words(shell.split(code))


def parse_words(words: Sequence[str]) -> Imported:
    """Read a command that a shell has already split."""
    target, before, rest = _find_program(list(words))
    reading = _Reading(rest)
    reading.unknown += before
    while reading.words:
        _read_word(reading)
    notes = _apply_target_defaults(target, reading)
    options = msgspec.structs.replace(LoadOptions(), **reading.values)
    return Imported(target, portable_home(reading.model), options, tuple(reading.unknown), notes)


def guess_shell(text: str) -> Shell:
    """Tell the shell a command was written for from what only that shell has."""
    if re.search(r"\^\s*\n|%\w+%|^\s*(?:rem\b|::|@echo)", text, re.IGNORECASE | re.MULTILINE):
        return SHELLS["cmd"]
    if re.search(r"`\s*\n|\$env:|^\s*&\s", text, re.MULTILINE):
        return SHELLS["powershell"]
    if re.search(r"(?<![A-Za-z])[A-Za-z]:\\(?!\s)", text):  # a Windows path, which bash would garble
        return SHELLS["powershell" if "'" in text else "cmd"]
    return SHELLS["bash"]


def _is_comment(line: str) -> bool:
    return re.match(r"\s*(?:#|rem\b|::|@echo\b)", line, re.IGNORECASE) is not None


def _find_program(words: list[str]) -> tuple[str, list[str], list[str]]:
    """Split at the program: its name, the words before it, the words after it."""
    end = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    for index, word in enumerate(words[:end]):
        if match := _PROGRAM.search(word):
            name = match[1].lower()
            return _OLD_NAMES.get(name, name), words[:index], words[index + 1 :]
    return "llama-server", words[:end], words[end:]


def _read_word(reading: _Reading) -> None:
    word = reading.words.pop(0)
    if not word.startswith("-") or _NUMBER.match(word):
        reading.unknown.append(word)
        return
    flag, has_value, value = word.partition("=")
    if flag.startswith("--"):
        flag = flag.replace("_", "-")  # as common_params_parse_ex does
    if has_value:
        reading.words.insert(0, value)
    if flag in _MODEL_FLAGS:
        reading.model = reading.value(flag)
    elif flag in _LOAD_MODE_FLAGS:
        _read_load_mode(reading, flag)
    elif flag in _ROWS:
        _read_row(reading, _ROWS[flag], flag, has_value=bool(has_value))
    else:
        _read_other(reading, flag)


def _read_row(reading: _Reading, row: OptionRow, flag: str, has_value: bool) -> None:
    value: object
    if flag in row.spec.off_flags:
        value = False
    elif row.value_type is bool and not has_value:
        value = True
    elif row.name == "flash_attn" and not has_value and not _is_value(row, reading.words):
        value = "on"  # until August 2025 -fa was a switch
    else:
        text = reading.value(flag)
        if text == "-1" and row.name in _MINUS_ONE_CHOOSES:
            return  # llama.cpp chooses, as if the flag were not there
        value = read_value(row, text)
    if row.name == "override_tensor" and isinstance(value, tuple):
        value = (*_tuple_of(reading.values.get(row.name)), *value)  # llama.cpp adds up every -ot
    reading.values[row.name] = value


def _read_load_mode(reading: _Reading, flag: str) -> None:
    mode = reading.value(flag)
    for (mmap, mlock), name in LOAD_MODES.items():
        if mode in {name, "mmap" if name == "auto" else name}:
            reading.values |= {"mmap": mmap, "mlock": mlock}
            return
    reading.unknown.append(f"{flag} {mode}")


def _read_other(reading: _Reading, flag: str) -> None:
    name = _PIN_ALIASES.get(flag, flag)
    for pin in _PINS:
        if pin == (name, *reading.words[: len(pin) - 1]):
            del reading.words[: len(pin) - 1]
            reading.pins.add(pin)
            return
    takes_value = reading.words and (not reading.words[0].startswith("-") or _NUMBER.match(reading.words[0]))
    reading.unknown.append(f"{flag} {reading.words.pop(0)}" if takes_value else flag)


def _apply_target_defaults(target: str, reading: _Reading) -> tuple[str, ...]:
    """Fill in what llama-server decides by itself, and say what may still differ."""
    if target != "llama-server":
        return ()
    notes = []
    if "parallel" not in reading.values:
        reading.values |= {"parallel": 4, "kv_unified": True}  # server.cpp: n_parallel is set to auto
        notes.append("Without --parallel llama-server takes 4 slots with one cache for all of them.")
    if ("--fit", "off") not in reading.pins:
        notes.append("Without --fit off llama-server may lower the context or move layers to the CPU.")
    if ("--cache-ram", "0") not in reading.pins:
        notes.append("Earlier prompts are kept in host memory, by default up to 8 GiB (--cache-ram).")
    return tuple(notes)


def _is_value(row: OptionRow, words: list[str]) -> bool:
    try:
        return bool(words) and read_value(row, words[0]) is not None
    except OptionError:
        return False


def _tuple_of(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else ()
