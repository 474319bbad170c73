"""Draws the last run as SVG from the live graph's history: memory by device, and the cells in use."""

import html
import math
from bisect import bisect_left
from collections.abc import Callable, Sequence

from kvdesk.phrases import Phrase
from kvdesk.session.history import Column, Columns, Mark
from kvdesk.units import format_bytes, format_duration, format_tokens

WIDTH, HEIGHT, TOP = 860, 200, 24
MOST_POINTS = 600
_HEADROOM = 1.1  # above the highest value
_BEFORE_S = 5.0  # shows what was in use before the load
_COLOURS = ("#3b6fd9", "#c2703d", "#4b9b6a", "#9a5fc0", "#b5485d")

Line = tuple[str, Column]


def draw_run(columns: Columns, marks: Sequence[Mark], say: Callable[[str], str] = str) -> str:
    """An SVG of the rows since the last load, in the language of `say`; "" where there are too few."""
    begun_s = max((mark.time_s for mark in marks if mark.kind == "load"), default=-math.inf)
    first = bisect_left(columns.time_s, begun_s - _BEFORE_S)
    count = len(columns.time_s) - first
    if count < 2:
        return ""
    step = -(-count // MOST_POINTS)

    def taken(values: Column) -> Column:
        return values[first::step]

    time_s = taken(columns.time_s)
    memory = [(name, taken(values)) for name, values in columns.device_bytes.items()]
    memory.append((say(Phrase("engine")), taken(columns.process_bytes)))
    panels: list[tuple[list[Line], Callable[[int], str]]] = [
        (memory, format_bytes),
        ([(say(Phrase("cells")), taken(columns.cells_used))], format_tokens),
    ]
    parts: list[str] = []
    top = 0
    for lines, written in panels:
        if known := [(name, values) for name, values in lines if _known(values)]:
            parts += _panel(time_s, known, top, written)
            top += HEIGHT + TOP
    if not parts:
        return ""
    span = format_duration(time_s[-1] - time_s[0])
    parts.append(f'<text x="{WIDTH}" y="{top + 14}" text-anchor="end" opacity=".6">{span}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 18}" width="{WIDTH}" '
        f'font-family="system-ui,sans-serif" font-size="12" fill="currentColor">{"".join(parts)}</svg>'
    )


def _panel(time_s: Column, lines: Sequence[Line], top: int, say: Callable[[int], str]) -> list[str]:
    """A frame with one line for each quantity, each named with its largest value."""
    most = max(max(_known(values)) for _, values in lines) or 1.0
    parts = [
        f'<rect x="0" y="{top + TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" '
        'stroke="currentColor" opacity=".2"/>'
    ]
    for place, (name, values) in enumerate(lines):
        colour = _COLOURS[place % len(_COLOURS)]
        label = html.escape(f"{name} {say(round(max(_known(values))))}")
        parts.append(f'<text x="{190 * place}" y="{top + TOP - 8}" fill="{colour}">{label}</text>')
        path = _path(time_s, [value / most / _HEADROOM for value in values], top + TOP)
        parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    return parts


def _known(values: Column) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def _path(time_s: Column, shares: Sequence[float], top: int) -> str:
    """A line through shares of the panel's height; a missing reading breaks it."""
    across = WIDTH / max(time_s[-1] - time_s[0], 1e-9)
    words = []
    is_down = False
    for moment, share in zip(time_s, shares, strict=True):
        is_known = not math.isnan(share)
        if is_known:
            x, y = (moment - time_s[0]) * across, top + HEIGHT * (1 - share)
            words.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = is_known
    return "".join(words)
