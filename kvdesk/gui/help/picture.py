"""Draws bars of memory in the kinds' colours, large enough for a few and thin enough for a hundred."""

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from kvdesk.gui import theme
from kvdesk.gui.desk.memory_rows import kind_label
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.memory.report import Kind
from kvdesk.session.teaching import BarRow, Bars
from kvdesk.units import format_bytes

_MOST_HEIGHT, _THICKEST, _THINNEST = 260, 20, 3
_LABEL_WIDTH, _FIGURE_WIDTH = 120, 84  # at 100 %


class Picture(QWidget):
    """The bars under each other, longest kind first named in the legend; a tooltip tells each figure."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Bars | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_bars(self, bars: Bars) -> None:
        """Draw other bars."""
        self._bars = bars
        self.setAccessibleDescription("; ".join(row_words(row) for row in bars.rows))
        self.updateGeometry()
        self.update()

    def kinds(self) -> list[Kind]:
        """The kinds that are drawn, as the legend has them."""
        rows = self._bars.rows if self._bars else ()
        return list(dict.fromkeys(kind for row in rows for kind, _ in row.pieces))

    def sizeHint(self) -> QSize:
        """As high as the bars and the legend."""
        rows = len(self._bars.rows) if self._bars else 0
        return QSize(480, round(rows * self._pitch()) + self._legend_height())

    def _pitch(self) -> float:
        rows = len(self._bars.rows) if self._bars else 1
        return min(theme.px(_THICKEST) + 4, max(_THINNEST + 1, _MOST_HEIGHT / max(rows, 1)))

    def _legend_height(self) -> int:
        return Space.SMALL + max((y for *_, y in self._legend()), default=0) + self._metrics().height()

    def _legend(self) -> list[tuple[Kind, int, int]]:
        """Each kind with where it begins, in as many lines as the width asks for."""
        metrics, places = self._metrics(), []
        x = y = 0
        for kind in self.kinds():
            width = metrics.height() + metrics.horizontalAdvance(kind_label(kind))
            if x and x + width > self.width():
                x, y = 0, y + metrics.height()
            places.append((kind, x, y))
            x += width + Space.LARGE
        return places

    @staticmethod
    def _metrics() -> QFontMetrics:
        return QFontMetrics(theme.current().font(TextSize.NOTE, figures=True))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw every bar with its label, where there is room for one, and the legend."""
        if self._bars is None:
            return
        painter = QPainter(self)
        painter.setFont(theme.current().font(TextSize.NOTE, figures=True))
        pitch, line = self._pitch(), painter.fontMetrics().height()
        every = max(1, -(-line // max(1, round(pitch))))
        most = max((row.n_bytes for row in self._bars.rows), default=0) or 1
        room = self.width() - theme.px(_LABEL_WIDTH + _FIGURE_WIDTH)
        for index, row in enumerate(self._bars.rows):
            top, left = index * pitch, float(theme.px(_LABEL_WIDTH))
            for kind, size in row.pieces:
                width = room * size / most
                height = max(_THINNEST, pitch - (4 if pitch > line else 1))
                painter.fillRect(QRectF(left, top, width, height), theme.current().kind_colour(kind))
                if width > 3:  # pieces are parted by more than their colour
                    painter.fillRect(QRectF(left + width - 1, top, 1, height), theme.colour("panel"))
                left += width
            if index % every == 0:
                self._write_row(painter, row, top, left, max(pitch, line))
        self._draw_legend(painter, len(self._bars.rows) * pitch)

    def _write_row(self, painter: QPainter, row: BarRow, top: float, left: float, height: float) -> None:
        painter.setPen(theme.colour("text"))
        label = QRectF(0, top, theme.px(_LABEL_WIDTH) - Space.SMALL, height)
        flags = Qt.AlignmentFlag.AlignTop
        painter.drawText(label, flags | Qt.AlignmentFlag.AlignRight, translated(row.label))
        painter.setPen(theme.colour("muted"))
        figure = QRectF(left + Space.TINY, top, theme.px(_FIGURE_WIDTH), height)
        painter.drawText(figure, flags | Qt.AlignmentFlag.AlignLeft, format_bytes(row.n_bytes))

    def _draw_legend(self, painter: QPainter, top: float) -> None:
        line = painter.fontMetrics().height()
        for kind, x, y in self._legend():
            above = top + Space.SMALL + y
            painter.fillRect(QRectF(x, above + 2, line - 4, line - 4), theme.current().kind_colour(kind))
            painter.setPen(theme.colour("text"))
            painter.drawText(x + line, round(above + line - 3), kind_label(kind))

    def event(self, event: QEvent) -> bool:
        """Tell the figures of the bar under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._bars:
            index = int(event.pos().y() / self._pitch())
            rows = self._bars.rows
            QToolTip.showText(event.globalPos(), row_words(rows[index]) if index < len(rows) else "", self)
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The legend may need other lines."""
        super().resizeEvent(event)
        self.updateGeometry()

    def changeEvent(self, event: QEvent) -> None:
        """Take the new theme's colours."""
        if event.type() == QEvent.Type.PaletteChange:
            self.update()
        super().changeEvent(event)


def row_words(row: BarRow) -> str:
    """A bar in words."""
    pieces = ", ".join(f"{kind_label(kind)} {format_bytes(size)}" for kind, size in row.pieces)
    return f"{translated(row.label)}: {pieces or format_bytes(0)}"
