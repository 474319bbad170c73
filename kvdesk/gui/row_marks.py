"""What is marked in a row of the conversation, and what of it lies in each block."""

from collections.abc import Sequence
from dataclasses import dataclass

from kvdesk.gui.blocks.marks import Mark, Marks

Place = tuple[int, int]  # block in the row, position in the block's text


@dataclass(frozen=True, slots=True)
class Found:
    """A place that a search has found in a row; positions are UTF-16 units of the block's text."""

    block: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RowMarks:
    """What is selected between two places, what was found, and which of it is looked at now."""

    selected: tuple[Place, Place] | None = None
    found: Sequence[Found] = ()
    current: Found | None = None

    def of_block(self, index: int, length: int) -> Marks:
        """Return the marks of a block whose text has `length` units."""
        if self.selected is None and not self.found:
            return ()
        marks = [
            Mark(found.start, found.end, "current" if found == self.current else "found")
            for found in self.found
            if found.block == index
        ]
        part = part_of_block(self.selected, index, length)
        if part is not None:
            marks.append(Mark(*part))
        return marks


NO_MARKS = RowMarks()


def part_of_block(selected: tuple[Place, Place] | None, index: int, length: int) -> tuple[int, int] | None:
    """Return the part of block `index` that lies in a selection of the row."""
    if selected is None:
        return None
    (first, start), (last, end) = selected
    if not first <= index <= last:
        return None
    return (start if index == first else 0), (end if index == last else length)
