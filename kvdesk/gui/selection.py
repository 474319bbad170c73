"""What is selected in a conversation, and the text that copying it gives."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QTextBoundaryFinder

from kvdesk.gui.row_marks import Place
from kvdesk.gui.rows import Row

TextPoint = tuple[int, int, int]  # row, block in the row, position in the block's text


@dataclass(slots=True)
class Selection:
    """From where the mouse went down to where it is; either may be the earlier."""

    anchor: TextPoint
    head: TextPoint

    @classmethod
    def of_word(cls, row: int, block: int, text: str, position: int) -> "Selection":
        """Return the selection of the word around a position."""
        finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Word, text)
        finder.setPosition(position)
        end = finder.toNextBoundary()
        finder.setPosition(position)
        start = position if finder.isAtBoundary() and end > position else finder.toPreviousBoundary()
        return cls((row, block, max(0, start)), (row, block, max(start, end, 0)))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is selected."""
        return self.anchor == self.head

    @property
    def ends(self) -> tuple[TextPoint, TextPoint]:
        """The earlier and the later end."""
        return min(self.anchor, self.head), max(self.anchor, self.head)

    def in_row(self, index: int, row: Row) -> tuple[Place, Place] | None:
        """Return the part of a laid-out row that is selected."""
        (first, *start), (last, *end) = self.ends
        if not first <= index <= last or self.is_empty:
            return None
        from_place: Place = (start[0], start[1]) if index == first else (0, 0)
        to_place: Place = (end[0], end[1]) if index == last else row.end_place()
        return from_place, to_place


def selected_text(
    selection: Selection,
    rows: list[Row],
    messages: dict[int, str],
    lay_out: Callable[[Row], None],
    *,
    as_markdown: bool = False,
) -> str:
    """Return what is selected, as it is seen or with Markdown's marks.

    Messages that lie between the first and the last are given whole, as their Markdown: they need not be laid
    out for it, however long the conversation is.
    """
    (first, *_), (last, *_) = selection.ends
    ends = {rows[first].message_id, rows[last].message_id}
    whole = {message_id: text for message_id, text in messages.items() if message_id not in ends}
    pieces: list[str] = []
    for index in range(first, last + 1):
        row = rows[index]
        text = whole.pop(row.message_id, "")
        if row.message_id in ends:
            lay_out(row)
            part = selection.in_row(index, row)
            copied = row.copied_markdown if as_markdown else row.copied_text
            text = copied(*part) if part is not None else ""
        if text:
            pieces.append(text.strip("\n"))
    return "\n\n".join(pieces)
