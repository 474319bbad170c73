"""Sizes and counts as people write them, in both directions."""

import re

from kvdesk.errors import OptionError

KIB = 1024
MIB = 1024**2
GIB = 1024**3

_SIZE = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*(b|[kmgt]i?b?)?\s*$", re.IGNORECASE)
_POWERS = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_bytes(text: str) -> int:
    """Read "8GiB", "6000MiB", "512m" or a number of bytes; K, M, G and T are powers of 1024.

    Raises OptionError for anything else.
    """
    match = _SIZE.match(text)
    if match is None:
        raise OptionError("“{text}” is not a size.", "Write it like 6GiB, 6000MiB or 8589934592.", text=text)
    number, suffix = match.groups()
    return int(float(number) * 1024 ** _POWERS[(suffix or "")[:1].lower()])


def parse_tokens(text: str) -> int:
    """Read a context such as "8192" or "32k" (k is 1024 tokens). Raises OptionError for anything else."""
    match = re.match(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*([kKmM]?)\s*$", text)
    if match is None:
        raise OptionError("“{text}” is not a number of tokens.", "Write it like 8192 or 32k.", text=text)
    number, suffix = match.groups()
    return int(float(number) * {"": 1, "k": 1024, "m": 1024**2}[suffix.lower()])


def format_mib(size_bytes: int | None) -> str:
    """Print bytes as whole MiB with thousands separators, without the unit; a missing reading is a dash."""
    return "–" if size_bytes is None else f"{round(size_bytes / MIB):,}"


def format_bytes(size_bytes: int | None) -> str:
    """Print bytes with the unit that keeps three or four digits: "17.1 GiB", "1,224 MiB", "96 KiB"."""
    if size_bytes is None:
        return "–"
    if abs(size_bytes) >= 10 * GIB:
        return f"{size_bytes / GIB:.1f} GiB"
    if abs(size_bytes) >= 10 * MIB:
        return f"{size_bytes / MIB:,.0f} MiB"
    if abs(size_bytes) >= MIB:
        return f"{size_bytes / MIB:.1f} MiB"
    if abs(size_bytes) >= KIB:
        return f"{size_bytes / KIB:.0f} KiB"
    return f"{size_bytes} B"


def format_tokens(tokens: int | None) -> str:
    """Print a number of tokens with thousands separators; a missing one is a dash."""
    return "–" if tokens is None else f"{tokens:,}"


def format_parameters(count: int | None) -> str:
    """Print a parameter count as people name models: "8.03 B", "494 M", "4.98 M"."""
    if count is None:
        return "–"
    for size, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            value = count / size
            return f"{value:.2f} {suffix}" if value < 100 else f"{value:.0f} {suffix}"
    return str(count)


def format_duration(seconds: float | None) -> str:
    """Print a time as people say it: "0.05 s", "3.4 s", "42 s", "4 min", "1 h 20 min"; none is a dash."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{max(seconds, 0.01):.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
