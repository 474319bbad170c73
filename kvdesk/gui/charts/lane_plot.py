"""One lane of the large graph: a view box with its axes and the names of its lines over it."""

import pyqtgraph as pg
from PySide6.QtCore import Qt

from kvdesk.gui import theme
from kvdesk.gui.theme import TextSize

_AXIS_WIDTH = 56
_MOST_WIDTH = 16_000.0
_DENSITY = 0.7  # of the figures at an axis, in parts of pyqtgraph's: lanes are low
_SHORTEST_S = 5  # that can be zoomed to


class LanePlot(pg.GraphicsLayout):  # type: ignore[misc]  # pyqtgraph has no types
    """`box` holds the lines; the wheel and the mouse move it along the time axis only."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, object] = ("", None)
        self.setContentsMargins(0, 0, 0, 0)
        self._names = _Names(justify="left")
        self.addItem(self._names, row=0, col=1)
        self.box = pg.ViewBox(enableMenu=False)
        self.box.setMouseEnabled(x=True, y=False)
        self.box.setLimits(xMax=0, minXRange=_SHORTEST_S, yMin=0)
        self.addItem(self.box, row=1, col=1)
        scale, ages = _Figures("left"), _Ages("bottom")
        scale.setTickDensity(_DENSITY / theme.current().text_scale)
        self._ages = ages
        scale.setWidth(theme.px(_AXIS_WIDTH))
        self.addItem(scale, row=1, col=0)
        self.addItem(ages, row=2, col=1)
        for axis in (scale, ages):
            axis.linkToView(self.box)
            axis.setGrid(30)
            axis.setStyle(maxTickLevel=0)  # finer lines would cost more than the curves
            axis.setTextPen(theme.colour("muted"))
            axis.setPen(theme.colour("line"))

    def show_ages(self, is_shown: bool) -> None:
        """Show the times, which are the same for all lanes, or only the lines over them."""
        self._ages.setStyle(showValues=is_shown)

    def show_legend(self, names: str) -> None:
        """Show the names of the lines, as rich text."""
        look = {"color": theme.colour("muted"), "size": f"{theme.px(TextSize.TABLE)}px"}
        if (names, look) != self._shown:  # a text that is set has the graph laid out anew
            self._shown = names, look
            self._names.setText(names, **look)


class _Names(pg.LabelItem):  # type: ignore[misc]  # as above
    """Text in as many rows as it needs: pyqtgraph's own would make the graph as wide as one row."""

    def updateMin(self) -> None:
        self.item.setTextWidth(self.size().width() or _MOST_WIDTH)
        height = self.item.boundingRect().height()
        hints = dict.fromkeys((Qt.SizeHint.MinimumSize, Qt.SizeHint.PreferredSize), (0.0, height))
        self._sizeHint = {**hints, Qt.SizeHint.MaximumSize: (_MOST_WIDTH, height)}
        self.updateGeometry()

    def resizeEvent(self, event: object) -> None:
        self.updateMin()
        super().resizeEvent(event)


class _Figures(pg.AxisItem):  # type: ignore[misc]  # as above
    """Figures as they are written everywhere else, with thousands apart."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{value * scale:,.6g}" for value in values]


class _Ages(pg.AxisItem):  # type: ignore[misc]  # as above
    """Seconds before now as m:ss."""

    def tickStrings(self, values: list[float], scale: float, spacing: float) -> list[str]:
        return [f"{'-' if value < 0 else ''}{int(-value) // 60}:{int(-value) % 60:02}" for value in values]
