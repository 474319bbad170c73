"""Content wider than its block: how far it is moved, and the thin bar that shows it."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter

_BAR = 3.0


class Sideways:
    """The horizontal offset of a wide block, in pixels."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.room = 0.0
        self.content = 0.0

    def set_widths(self, content: float, room: float) -> None:
        """Take new widths; the offset stays where it can."""
        self.content, self.room = content, room
        self.offset = min(self.offset, self.most)

    @property
    def most(self) -> float:
        """The largest offset; 0 when everything is seen."""
        return max(0.0, self.content - self.room)

    def move(self, pixels: float) -> bool:
        """Move by some pixels; False when it was at the end already."""
        before, self.offset = self.offset, min(self.most, max(0.0, self.offset + pixels))
        return self.offset != before

    def paint_bar(self, painter: QPainter, left: float, bottom: float, colour: QColor) -> None:
        """Draw the bar along the lower edge, when there is something to move."""
        if self.most <= 0:
            return
        width = max(24.0, self.room * self.room / self.content)
        x = left + (self.room - width) * self.offset / self.most
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(QRectF(x, bottom - _BAR - 2, width, _BAR), _BAR / 2, _BAR / 2)
