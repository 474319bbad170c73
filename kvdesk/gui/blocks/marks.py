"""What is marked in a block's text: a selection, and what a search has found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtGui import QColor, QTextCharFormat, QTextLayout

from kvdesk.gui.blocks.style import Style

Look = Literal["selected", "found", "current"]


@dataclass(frozen=True, slots=True)
class Mark:
    """A range of a text in UTF-16 units, and why it is marked."""

    start: int
    end: int
    look: Look = "selected"


Marks = Sequence[Mark]


def marks_within(marks: Marks, start: int, length: int) -> Marks:
    """Return the marks of a part of the text, in the part's own positions."""
    if not marks:
        return ()
    parts = (
        replace(mark, start=max(mark.start - start, 0), end=min(mark.end - start, length)) for mark in marks
    )
    return [mark for mark in parts if mark.start < mark.end]


def format_range(start: int, length: int, form: QTextCharFormat) -> QTextLayout.FormatRange:
    """Return a format for part of a layout."""
    found = QTextLayout.FormatRange()
    found.start, found.length, found.format = start, length, form
    return found


def mark_ranges(marks: Marks, style: Style) -> list[QTextLayout.FormatRange]:
    """Return the formats that show marks, for `QTextLayout.draw`; later marks lie over earlier ones."""
    colours: dict[Look, QColor] = {
        "selected": style.selection,
        "found": style.found,
        "current": style.found_current,
    }
    ranges = []
    for mark in marks:
        if mark.start >= mark.end:
            continue
        form = QTextCharFormat()
        form.setBackground(colours[mark.look])
        if mark.look == "current":
            form.setFontUnderline(True)  # told apart without its colour, too
        ranges.append(format_range(mark.start, mark.end - mark.start, form))
    return ranges
