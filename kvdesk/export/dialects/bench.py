"""llama-bench's flags: most are llama.cpp's, but each takes a list of values, and switches take 0 or 1."""

from collections.abc import Iterable, Mapping

from kvdesk.errors import OptionError
from kvdesk.export.dialects.imported import Imported, Reading, is_flag
from kvdesk.export.dialects.llama import read_load_mode
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME, OPTIONS
from kvdesk.plan.parse import read_value

NAME = "llama-bench"

_SAME = {
    flag: row
    for row in OPTIONS
    if row.name not in {"ctx_size", "parallel"} and not row.spec.is_own
    for flag in row.spec.flags
}
_OFF_SWITCHES = {flag: row for row in OPTIONS for flag in row.spec.off_flags} | {
    "-nopo": BY_NAME["op_offload"]
}
_LENGTHS = {
    "-p": "prompt",
    "--n-prompt": "prompt",
    "-n": "answer",
    "--n-gen": "answer",
    "-d": "depth",
    "--n-depth": "depth",
    "-pg": "both",
}
_ALONE = frozenset({"-v", "--verbose", "--progress", "--no-warmup", "--offline", "--list-devices", "-h"})
_WHOLE = frozenset({"-rpc", "--rpc"})  # a list itself
# What separates the parts of one value; a comma separates values.
_INNER = {"tensor_split": "/", "device": "/", "override_tensor": ";"}


def read_words(words: Iterable[str], variables: Mapping[str, str]) -> Imported:
    """Read its words; of several values the first is taken, of several lengths the longest run."""
    reading = Reading.of(words)
    reading.unknown += [f"{name}={value}" for name, value in variables.items()]
    lengths: dict[str, list[int]] = {}
    several: list[str] = []
    while reading.words:
        flag, has_value, value = reading.words.popleft().partition("=")
        if has_value:
            reading.words.appendleft(value)
        if not is_flag(flag) or flag in _ALONE:
            reading.unknown.append(flag)
            continue
        text = reading.value(flag)
        values = [text] if flag in _WHOLE else text.split(",")
        if flag in _LENGTHS:
            found = [sum(map(_length, values))] if flag == "-pg" else [_length(each) for each in values]
            lengths.setdefault(_LENGTHS[flag], []).extend(found)
        elif _read_flag(reading, flag, values[0]):
            if len(values) > 1:
                several.append(flag)
        else:
            reading.unknown.append(f"{flag} {text}")
    # The context of a test is its own length; the tests of a run follow one another.
    longest = max([*lengths.get("prompt", [512]), *lengths.get("answer", [128]), *lengths.get("both", [])])
    reading.read("ctx_size", str(longest + max(lengths.get("depth", [0]))))
    reading.default(n_outputs_max=0)
    reading.as_every_layer()
    if several:
        reading.notes.append(
            Phrase(
                "llama-bench tries several values of {flags}; the first is taken.", flags=", ".join(several)
            )
        )
    return reading.imported(NAME)


def _read_flag(reading: Reading, flag: str, text: str) -> bool:
    """Read a flag's first value; False where no option stands for it."""
    if flag in {"-m", "--model"}:
        reading.model = reading.model or text
    elif flag in {"-lm", "--load-mode"}:
        read_load_mode(reading, flag, text)
    elif flag in {"-mmp", "--mmap"}:  # until 2026
        reading.read("mmap", text)
    elif flag in _OFF_SWITCHES:
        row = _OFF_SWITCHES[flag]
        reading.values[row.name] = not read_value(row, text)
    elif flag in _SAME or flag == "-rpc":
        row = _SAME["--rpc" if flag == "-rpc" else flag]
        reading.read(row.name, text.replace(_INNER.get(row.name, ","), ","))
    else:
        return False
    return True


def _length(text: str) -> int:
    """The end of a range: “first-last”, “first-last+step” or “first-last*mult”."""
    last = text.rpartition("-")[2].partition("+")[0].partition("*")[0].strip()
    if not last.isdecimal() or len(last) > 10:
        raise OptionError("“{text}” is not a number of tokens.", "Write it like 8192 or 32k.", text=text)
    return int(last)
