"""The rows of a message around its text: bubble, fold of the reasoning, line of figures, notice."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from kvdesk.gui import theme
from kvdesk.gui.blocks.inline import slice_utf16
from kvdesk.gui.blocks.style import Style
from kvdesk.gui.blocks.text import TextView
from kvdesk.gui.blocks.view import BlockView
from kvdesk.gui.row_marks import Place, RowMarks
from kvdesk.gui.rows import QUOTE_BAR, QUOTE_INDENT, Row, estimated_height
from kvdesk.gui.spans import Span

MESSAGE_GAP = 28.0


class BubbleRow(Row):
    """What the user wrote, as it was written, in a tinted bubble at the right."""

    part = "user"
    _PAD_X, _PAD_Y, _SHARE = 16.0, 10.0, 0.8

    def __init__(
        self, message_id: int, source: str, top_gap: float, *, is_first: bool = True, is_last: bool = True
    ) -> None:
        super().__init__(message_id, top_gap)
        self.source = source
        self._is_first, self._is_last = is_first, is_last
        self._view: TextView | None = None
        self._box = QRectF()

    def _room(self, width: float, style: Style) -> float:
        return min(width * self._SHARE, style.reading_width) - 2 * self._PAD_X

    def _pads(self) -> float:
        return self._PAD_Y * (self._is_first + self._is_last)

    def estimate(self, width: float, style: Style) -> None:
        text = estimated_height(self.source, self._room(width, style), style)
        self.height = self.top_gap + self._pads() + text

    def lay_out(self, width: float, style: Style) -> None:
        if self.laid_width == width:
            return
        if self._view is None:
            self._view = TextView((Span(self.source.rstrip("\n")),), style)
        room = self._room(width, style)
        height = self._view.lay_out(room)
        whole = self._is_first and self._is_last
        text_width = min(room, self._view.text_width() + 1) if whole else room
        left = width - text_width - 2 * self._PAD_X
        self._box = QRectF(left, self.top_gap, text_width + 2 * self._PAD_X, height + self._pads())
        if whole:
            self._view.lay_out(text_width)
        self.height = self.top_gap + self._box.height()
        self.laid_width = width

    def release(self) -> None:
        super().release()
        self._view = None

    def views(self) -> Sequence[tuple[BlockView, QPointF]]:
        if self._view is None:
            return ()
        top = self._PAD_Y if self._is_first else 0.0
        return ((self._view, self._box.topLeft() + QPointF(self._PAD_X, top)),)

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, marks: RowMarks) -> None:
        painter.save()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.bubble)
        box = self._box.translated(at)
        painter.setClipRect(box, Qt.ClipOperation.IntersectClip)
        # The parts of a long message form one bubble: inner edges lie outside the clip.
        grown = box.adjusted(0, 0 if self._is_first else -20, 0, 0 if self._is_last else 20)
        painter.drawRoundedRect(grown, 12, 12)
        painter.restore()
        for view, corner in self.views():
            view.paint(painter, at + corner, clip, style.text, marks.of_block(0, view.length))

    def searched_texts(self) -> Sequence[str]:
        return (self.source.rstrip("\n"),)

    def copied_text(self, start: Place, end: Place) -> str:
        return slice_utf16(self.source.rstrip("\n"), start[1], end[1])


class ReasoningHead(Row):
    """The line that folds the reasoning: "Thinking…" or "Thought for 6 s"."""

    part = "reasoning"
    is_button = True
    _HEIGHT = 24.0

    def __init__(self, message_id: int, caption: str, top_gap: float) -> None:
        super().__init__(message_id, top_gap)
        self.caption = caption
        self.is_open = False
        self.is_hovered = False

    def estimate(self, width: float, style: Style) -> None:
        self.height = self.top_gap + style.px(self._HEIGHT)

    def lay_out(self, width: float, style: Style) -> None:
        self.estimate(width, style)
        self.laid_width = width

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, marks: RowMarks) -> None:
        top = at.y() + self.top_gap
        painter.fillRect(QRectF(at.x(), top, QUOTE_BAR, style.px(self._HEIGHT)), style.rule)
        painter.setFont(style.body)
        painter.setPen(style.text if self.is_hovered else style.muted)
        place = QRectF(at.x() + style.px(QUOTE_INDENT), top, self.laid_width, style.px(self._HEIGHT))
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, self.caption)
        x = place.x() + QFontMetricsF(style.body).horizontalAdvance(self.caption) + 12
        paint_chevron(painter, QPointF(x, place.center().y()), self.is_open)


def paint_chevron(painter: QPainter, centre: QPointF, is_open: bool) -> None:
    """Draw a small chevron in the pen's colour, pointing down when open and right when folded."""
    scale = theme.current().text_scale
    steps = ((-3.5, -1.75), (0, 1.75), (3.5, -1.75)) if is_open else ((-1.75, -3.5), (1.75, 0), (-1.75, 3.5))
    pen = painter.pen()
    pen.setWidthF(1.4 * scale)
    painter.setPen(pen)
    painter.drawPolyline([centre + QPointF(x, y) * scale for x, y in steps])


class FigureRow(Row):
    """The line under an answer, and the room under a question where its actions appear."""

    part = "figures"
    _LINE, _BELOW_QUESTION = 20.0, 8.0

    def __init__(self, message_id: int, text: str, *, is_answer: bool, has_siblings: bool = False) -> None:
        super().__init__(message_id, 8.0 if is_answer else 2.0)
        self.text = text
        self._actions_px = 160.0 if has_siblings else 70.0  # room for what is offered at the right
        self.is_answer = is_answer
        self.is_covered = False  # by the actions of a question, which say the same
        self._lines: list[str] = []

    def estimate(self, width: float, style: Style) -> None:
        self.height = self.top_gap + style.px(self._LINE)

    def lay_out(self, width: float, style: Style) -> None:
        self._lines = wrap_figures(
            self.text, width - style.px(self._actions_px), QFontMetricsF(style.figures)
        )
        below = self._BELOW_QUESTION if self.text and not self.is_answer else 0.0
        self.height = self.top_gap + style.px(self._LINE) * max(1, len(self._lines)) + below
        self.laid_width = width

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, marks: RowMarks) -> None:
        if self.is_covered:
            return
        painter.setFont(style.figures)
        painter.setPen(style.muted)
        side = Qt.AlignmentFlag.AlignLeft if self.is_answer else Qt.AlignmentFlag.AlignRight
        pitch = style.px(self._LINE)
        for number, line in enumerate(self._lines):
            top = at.y() + self.top_gap + pitch * number
            place = QRectF(at.x(), top, self.laid_width, pitch)
            painter.drawText(place, side | Qt.AlignmentFlag.AlignVCenter, line)


def wrap_figures(text: str, width: float, metrics: QFontMetricsF) -> list[str]:
    """Break a line of figures between its parts, never inside one."""
    lines: list[str] = []
    for part in text.split(" · ") if text else ():
        longer = f"{lines[-1]} · {part}" if lines else part
        if lines and metrics.horizontalAdvance(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(part)
    return lines


class WidgetRow(Row):
    """Room for a real widget (a notice with a button), which the view puts there."""

    part = "notice"

    def __init__(self, widget: QWidget, top_gap: float = MESSAGE_GAP) -> None:
        super().__init__(-1, top_gap)
        self.widget = widget

    def estimate(self, width: float, style: Style) -> None:
        height = self.widget.heightForWidth(int(width)) if self.widget.hasHeightForWidth() else -1
        self.height = self.top_gap + max(height, self.widget.sizeHint().height())

    def lay_out(self, width: float, style: Style) -> None:
        self.estimate(width, style)
        self.laid_width = width

    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, style: Style, marks: RowMarks) -> None:
        """The widget paints itself."""
