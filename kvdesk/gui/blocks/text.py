"""Paragraphs, headings and rules."""

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter

from kvdesk.gui.blocks.inline import Inline
from kvdesk.gui.blocks.marks import Marks
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.spans import Spans


class TextView(BlockView):
    """One paragraph or heading."""

    def __init__(self, spans: Spans, style: Style, level: int = 0) -> None:
        self._inline = Inline(spans, style, level)
        self.text, self.length = self._inline.text, self._inline.length

    def lay_out(self, width: float) -> float:
        self.height = self._inline.lay_out(width)
        return self.height

    def text_width(self) -> float:
        """Return the width of the widest line as laid out."""
        return self._inline.text_width()

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, colour: QColor, marks: Marks) -> None:
        self._inline.paint(painter, at, clip, colour, marks)

    def position_at(self, x: float, y: float) -> int:
        return self._inline.position_at(x, y)

    def top_of(self, position: int) -> float:
        return self._inline.top_of(position)

    @property
    def baseline(self) -> float:
        return self._inline.baseline

    def link_at(self, x: float, y: float) -> str:
        return self._inline.link_at(x, y)

    def end_rect(self) -> QRectF:
        return self._inline.end_rect()


class RuleView(BlockView):
    """A horizontal line."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._width = 0.0

    def lay_out(self, width: float) -> float:
        self._width, self.height = min(width, self._style.reading_width), 9.0
        return self.height

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, colour: QColor, marks: Marks) -> None:
        painter.fillRect(QRectF(at.x(), at.y() + 4, self._width, 1), self._style.rule)

    def position_at(self, x: float, y: float) -> int:
        return 0
