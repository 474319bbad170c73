"""Spans as wrapped lines: the one place that talks to QTextLayout about running text.

Positions count UTF-16 units, as Qt does; `slice_utf16` turns a range of them into text.
"""

from dataclasses import replace
from typing import cast
from unicodedata import bidirectional

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QTextLayout, QTextLine, QTextOption

from kvdesk.gui.blocks.marks import Marks, format_range, mark_ranges
from kvdesk.gui.blocks.style import ALIGNMENTS, Style
from kvdesk.gui.markdown import Alignment
from kvdesk.gui.spans import Span, Spans

_MIRRORED: dict[Alignment, Alignment] = {"left": "right", "center": "center", "right": "left"}


def length_utf16(text: str) -> int:
    """Return the number of UTF-16 units of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def slice_utf16(text: str, start: int, end: int) -> str:
    """Return the part of a text between two positions in UTF-16 units."""
    if text.isascii():
        return text[start:end]
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le", "replace")


def reading_direction(text: str) -> Qt.LayoutDirection:
    """Return the direction of a text's first letter that has one, as browsers do for `dir="auto"`."""
    if not text.isascii():
        for character in text:
            kind = bidirectional(character)
            if kind in ("R", "AL"):
                return Qt.LayoutDirection.RightToLeft
            if kind == "L":
                break
    return Qt.LayoutDirection.LeftToRight


class Inline:
    """Laid-out running text. Call `lay_out` before anything that needs geometry."""

    def __init__(
        self, spans: Spans, style: Style, level: int = 0, *, bold: bool = False, align: Alignment = "left"
    ) -> None:
        self.text = "".join(span.text for span in spans)
        self.length = length_utf16(self.text)
        self.height = 0.0
        self._style = style
        self._pitch = style.line_pitch(style.heading_font(level))
        self._links: list[tuple[int, int, str]] = []
        self._codes: list[tuple[int, int]] = []
        self._layout = QTextLayout(self.text.replace("\n", "\u2028"), style.heading_font(level))
        self._layout.setCacheEnabled(True)
        direction = reading_direction(self.text)
        if direction is Qt.LayoutDirection.RightToLeft:
            align = _MIRRORED[align]
        option = QTextOption(ALIGNMENTS[align])
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        option.setTextDirection(direction)
        self._layout.setTextOption(option)
        self._layout.setFormats(self._formats(spans, level, bold))

    def _formats(self, spans: Spans, level: int, bold: bool) -> list[QTextLayout.FormatRange]:
        ranges = []
        at = 0
        for span in spans:
            length = length_utf16(span.text)
            look = replace(span, text="", source="", bold=span.bold or bold)
            if look != Span(""):
                ranges.append(format_range(at, length, self._style.char_format(look, level)))
            if span.href:
                self._links.append((at, at + length, span.href))
            if span.code:
                self._codes.append((at, at + length))
            at += length
        return ranges

    def lay_out(self, width: float) -> float:
        """Break into lines of `width` pixels; return the height."""
        self._layout.beginLayout()
        y = 0.0
        while (line := self._layout.createLine()).isValid():
            line.setLineWidth(width)
            pitch = max(self._pitch, line.height())
            line.setPosition(QPointF(0.0, y + (pitch - line.height()) / 2))
            y += pitch
        self._layout.endLayout()
        self.height = max(y, self._pitch)
        return self.height

    def text_width(self) -> float:
        """Return the width of the widest line as laid out."""
        lines = range(self._layout.lineCount())
        return max((self._layout.lineAt(i).naturalTextWidth() for i in lines), default=0.0)

    @property
    def baseline(self) -> float:
        """The first line's baseline, from the top."""
        if self._layout.lineCount() == 0:
            return self._pitch * 0.7
        line = self._layout.lineAt(0)
        return line.y() + line.ascent()

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, colour: QColor, marks: Marks) -> None:
        """Draw at a point; `clip` is in the painter's coordinates."""
        for start, end in self._codes:
            self._paint_code_ground(painter, at, start, end)
        painter.setPen(colour)
        self._layout.draw(painter, at, mark_ranges(marks, self._style), clip)

    def _paint_code_ground(self, painter: QPainter, at: QPointF, start: int, end: int) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._style.theme.colour("code_ground"))
        for index in range(self._layout.lineCount()):
            line = self._layout.lineAt(index)
            first, last = max(start, line.textStart()), min(end, line.textStart() + line.textLength())
            if first < last:
                left, right = sorted((_x_of(line, first), _x_of(line, last)))
                box = QRectF(left - 2, line.y(), right - left + 4, line.height()).translated(at)
                painter.drawRoundedRect(box.adjusted(0, 0.5, 0, -0.5), 4, 4)

    def position_at(self, x: float, y: float) -> int:
        """Return the text position nearest to a point."""
        if self._layout.lineCount() == 0 or y < 0:
            return 0
        for index in range(self._layout.lineCount()):
            line = self._layout.lineAt(index)
            if y < line.y() + line.height() + (self._pitch - line.height()) / 2:
                return line.xToCursor(x)
        return self.length

    def top_of(self, position: int) -> float:
        """Return where the line with a position begins."""
        line = self._layout.lineForTextPosition(position)
        return line.y() if line.isValid() else 0.0

    def link_at(self, x: float, y: float) -> str:
        """Return the address of the link under a point, or ""."""
        for index in range(self._layout.lineCount()):
            line = self._layout.lineAt(index)
            if line.naturalTextRect().contains(x, y):
                at = line.xToCursor(x, QTextLine.CursorPosition.CursorOnCharacter)
                return next((href for start, end, href in self._links if start <= at < end), "")
        return ""

    def end_rect(self) -> QRectF:
        """Return the place right after the last character, where a caret stands while text streams in."""
        count = self._layout.lineCount()
        if count == 0:
            return QRectF(0, 0, 8, self._pitch)
        line = self._layout.lineAt(count - 1)
        return QRectF(_x_of(line, line.textStart() + line.textLength()), line.y(), 8, line.height())


def _x_of(line: QTextLine, position: int) -> float:
    """Return the x of a position; PySide gives it with the position, which C++ takes by reference."""
    x, _ = cast("tuple[float, int]", line.cursorToX(position))
    return x
