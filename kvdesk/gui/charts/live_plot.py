"""The small live graph's picture, drawn with nothing but Qt.

pyqtgraph, which draws the large one, would take 25 MB of a window that stays open all day, and numpy 16.
"""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from kvdesk.gui import theme
from kvdesk.gui.charts.lanes import Pieces
from kvdesk.gui.theme import TextSize

_FILL = 0.16
_LINE_WIDTH = 1.5


@dataclass(frozen=True, slots=True)
class Curve:
    """A line; its colour is a theme's role. It is filled down to `ground` unless that is None."""

    role: str
    pieces: Pieces
    ground: float | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """A dashed line at a height, with words over its end."""

    height: float
    words: str


@dataclass(frozen=True, slots=True)
class MarkLine:
    """A line from top to bottom at a place across."""

    place: float
    role: str
    alpha: float = 1.0
    is_dotted: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn, from back to front."""

    floors: tuple[float, ...] = ()
    marks: tuple[MarkLine, ...] = ()
    curves: tuple[Curve, ...] = ()
    level: Level | None = None


class LivePlot(QWidget):
    """Draws a picture, and a line under the mouse; `pointedAt` has its place across, -1 when it is gone."""

    pointedAt = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.picture = Picture()
        self.pointed_at = -1.0
        self.setMouseTracking(True)

    def show_picture(self, picture: Picture) -> None:
        """Draw this from now on."""
        self.picture = picture
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw lines in the unit square, scaled to the widget."""
        painter = QPainter(self)
        for floor in self.picture.floors:
            self._draw_across(painter, floor, QPen(theme.colour("line"), 1))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for mark in self.picture.marks:
            style = Qt.PenStyle.DotLine if mark.is_dotted else Qt.PenStyle.SolidLine
            self._draw_upright(painter, mark.place, QPen(theme.colour(mark.role, mark.alpha), 1, style))
        for curve in self.picture.curves:
            self._draw_curve(painter, curve)
        if self.picture.level is not None:
            self._draw_level(painter, self.picture.level)
        if self.pointed_at >= 0:
            self._draw_upright(painter, self.pointed_at, QPen(theme.colour("accent", 0.7), 1))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Read off what is under the mouse."""
        self._point_at(min(max(event.position().x() / max(self.width() - 1, 1), 0.0), 1.0))

    def leaveEvent(self, event: QEvent) -> None:
        """Back to the present."""
        self._point_at(-1.0)

    def _point_at(self, place: float) -> None:
        self.pointed_at = place
        self.pointedAt.emit(place)
        self.update()

    def _draw_curve(self, painter: QPainter, curve: Curve) -> None:
        colour = theme.colour(curve.role)
        for piece in curve.pieces:
            line = [self._at(*point) for point in piece]
            if curve.ground is not None:
                ends = [self._at(piece[-1][0], curve.ground), self._at(piece[0][0], curve.ground)]
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(_faded(colour))
                painter.drawPolygon(QPolygonF([*line, *ends]))
            painter.setPen(QPen(colour, _LINE_WIDTH))
            painter.drawPolyline(QPolygonF(line))

    def _draw_level(self, painter: QPainter, level: Level) -> None:
        colour = theme.colour("muted")
        self._draw_across(painter, level.height, QPen(colour, 1, Qt.PenStyle.DashLine))
        painter.setPen(colour)
        painter.setFont(theme.current().font(TextSize.NOTE, figures=True))
        y, line = self._at(0, level.height).y(), painter.fontMetrics().height()
        top = y - 2 - line if y - 2 >= line else y + 2  # above the line, where there is room
        painter.drawText(QRectF(0, top, self.width(), line), Qt.AlignmentFlag.AlignRight, level.words)

    def _draw_across(self, painter: QPainter, height: float, pen: QPen) -> None:
        painter.setPen(pen)
        painter.drawLine(self._at(0, height), self._at(1, height))

    def _draw_upright(self, painter: QPainter, place: float, pen: QPen) -> None:
        painter.setPen(pen)
        painter.drawLine(self._at(place, 0), self._at(place, 1))

    def _at(self, across: float, height: float) -> QPointF:
        return QPointF(across * (self.width() - 1), (1 - height) * (self.height() - 1))


def _faded(colour: QColor) -> QColor:
    faded = QColor(colour)
    faded.setAlphaF(_FILL)
    return faded
