"""Finds which program of llama.cpp's family a command runs, and reads its words by that program's rules."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kvdesk.export.dialects import bench, kobold, llama, llama_cpp_python
from kvdesk.export.dialects.imported import Imported

_LLAMA = re.compile(r"(?:^|[/\\])(llama-[a-z0-9-]+|server|main)(?:\.exe)?$", re.IGNORECASE)
_KOBOLD = re.compile(r"(?:^|[/\\])koboldcpp[\w.-]*$", re.IGNORECASE)
_OLD_NAMES = {"server": "llama-server", "main": "llama-cli"}


@dataclass(frozen=True, slots=True)
class Program:
    """A program in a command: its name, the words before it and after it."""

    name: str
    before: list[str]
    after: list[str]


def find_program(words: Sequence[str]) -> Program | None:
    """The first program of the family that stands where a program can stand."""
    end = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    for index, word in enumerate(words[:end]):
        if match := _LLAMA.search(word):
            name = match[1].lower()
            return _split(words, index, index + 1, _OLD_NAMES.get(name, name))
        if _KOBOLD.search(word):
            return _split(words, index, index + 1, kobold.NAME)
    if list(words[end : end + 2]) == ["-m", llama_cpp_python.NAME]:
        return _split(words, max(end - 1, 0), end + 2, llama_cpp_python.NAME)  # python -m llama_cpp.server
    return None


def read_program(name: str, words: Sequence[str], variables: Mapping[str, str]) -> Imported:
    """Read the words after a program, and its variables. Raises OptionError and ExportError."""
    match name:
        case kobold.NAME:
            return kobold.read_words(words, variables)
        case llama_cpp_python.NAME:
            return llama_cpp_python.read_words(words, variables)
        case bench.NAME:
            return bench.read_words(words, variables)
        case _:
            return llama.read_words(name, words, variables)


def _split(words: Sequence[str], start: int, end: int, name: str) -> Program:
    return Program(name, list(words[:start]), list(words[end:]))
