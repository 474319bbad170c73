"""The live graph: memory under its planned ceiling, the cells filled, and the speed, on one time axis."""

from functools import partial
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.charts.lanes import MEMORY_LANE, SPEED_LANE, Values, highest, latest, thinned
from kvdesk.gui.charts.legend import Legend
from kvdesk.gui.controls import icon_button, push_button, text_label
from kvdesk.gui.desk.memory_rows import DeviceUse, chosen_cells, device_title, device_uses
from kvdesk.gui.icons import set_icon
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.history import Columns, History
from kvdesk.session.state import DeskState
from kvdesk.units import format_bytes, format_mib, format_tokens

_HEIGHT = 136
_SPANS_S = (30, 120, 600, 3600)
_FIRST_SPAN_S = 120
_HEADROOM = 1.22  # of the lane above the highest line, for the ceiling's words


class MemoryChart(QWidget):
    """Draws the desk's history at the sampler's pace, twice a second, and only while it is visible."""

    largeWanted = Signal()

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history
        self._state = DeskState()
        self._drawn_sample = -1
        self._span_s = _FIRST_SPAN_S
        self._paused_at_s: float | None = None
        self._curves: dict[str, Any] = {}
        self._marks: list[Any] = []
        self.legend = Legend()
        self.span_button = push_button("", "flat", TextSize.TABLE)
        self.span_button.setMenu(self._make_span_menu())
        self.pause_button = icon_button("pause", self.tr("Hold the graph still"))
        self.pause_button.setCheckable(True)
        self.pause_button.toggled.connect(self._pause)
        self.large_button = icon_button("enlarge", self.tr("Open the graph in large, and as a table"))
        self.large_button.clicked.connect(self.largeWanted)
        self.plot = self._make_plot()
        self._lay_out()
        self._show_span()
        self._colour()
        for name, title in self._titles().items():
            self.legend.show_value(name, title, "–")

    def show_state(self, state: DeskState) -> None:
        """Draw the newest sample, if there is one that is not drawn."""
        self._state = state
        if state.samples != self._drawn_sample and self.isVisible():
            self._drawn_sample = state.samples
            self.redraw()

    def redraw(self) -> None:
        """Draw the history as it is now."""
        columns = self._history.columns()
        if len(columns.time_s) == 0:
            return
        now_s = self._paused_at_s if self._paused_at_s is not None else float(columns.time_s[-1])
        first = int(np.searchsorted(columns.time_s, now_s - self._span_s)) - 1
        last = int(np.searchsorted(columns.time_s, now_s, side="right"))
        rows = slice(max(first, 0), last)
        self._draw_memory(columns, rows, now_s)
        self._draw_speed(columns, rows, now_s)
        self._draw_marks(now_s)
        self._box.setXRange(-self._span_s, 0, padding=0)
        self.setAccessibleDescription(self.legend.in_words())

    # ------------------------------------------------------------------------------------------- drawing

    def _draw_memory(self, columns: Columns, rows: slice, now_s: float) -> None:
        use = next(iter(device_uses(self._state)), None)
        name = use.device.name if use else ""
        is_gpu = name in columns.device_bytes and latest(columns.device_bytes[name]) is not None
        used = (columns.device_bytes[name] if is_gpu else columns.process_bytes)[rows]
        ceiling = ceiling_bytes(self._state, use, is_gpu=is_gpu)
        most = max(highest(used), ceiling or 0, 1) * _HEADROOM
        self._draw("memory", columns.time_s[rows] - now_s, MEMORY_LANE.heights(used, most))
        if ceiling is not None:
            height = float(MEMORY_LANE.heights(np.array([float(ceiling)]), most)[0])
            self._ceiling.setValue(height)
            self._ceiling_words.setPos(0, height)
            self._ceiling_words.setText(
                self.tr("planned ceiling {size} MiB").format(size=format_mib(ceiling))
            )
        self._ceiling.setVisible(ceiling is not None)
        self._ceiling_words.setVisible(ceiling is not None)

        whose = device_title(use.device) if is_gpu and use else self.tr("The engine's process")
        self.legend.setToolTip(whose)
        cells = columns.cells_used[rows]
        most_cells = max(chosen_cells(self._state), highest(cells)) * _HEADROOM
        self._draw("cells", columns.time_s[rows] - now_s, MEMORY_LANE.heights(cells, most_cells))
        reading, filled = latest(used), latest(cells)
        self.legend.show_value(
            "memory",
            self._titles()["memory"],
            format_bytes(None if reading is None else round(reading)),
        )
        self.legend.show_value(
            "cells", self._titles()["cells"], format_tokens(None if filled is None else round(filled))
        )

    def _draw_speed(self, columns: Columns, rows: slice, now_s: float) -> None:
        for name, values in (
            ("prefill", columns.prefill_tokens_per_s[rows]),
            ("decode", columns.decode_tokens_per_s[rows]),
        ):
            speeds = np.nan_to_num(values)
            most = highest(speeds) * _HEADROOM
            self._curves[name].setVisible(most > 0)
            self._draw(name, columns.time_s[rows] - now_s, SPEED_LANE.heights(speeds, most))
            known = speeds[speeds > 0]
            text = self.tr("{speed} t/s").format(speed=_speed(float(known[-1]))) if len(known) else "–"
            self.legend.show_value(name, self._titles()[name], text)

    def _draw(self, name: str, time_s: Values, heights: Values) -> None:
        x, y = thinned(time_s, heights, 2 * max(self.plot.width(), 100))
        self._curves[name].setData(x, y)

    def _draw_marks(self, now_s: float) -> None:
        visible = [mark for mark in self._history.marks if now_s - self._span_s <= mark.time_s <= now_s]
        while len(self._marks) < len(visible):
            line = pg.InfiniteLine(angle=90)
            line.setZValue(-5)
            self._box.addItem(line, ignoreBounds=True)
            self._marks.append(line)
        for line, mark in zip(self._marks, visible, strict=False):
            colour = theme.colour("bad") if mark.kind == "exit" else theme.colour("muted", 0.45)
            style = Qt.PenStyle.SolidLine if mark.kind in ("load", "exit") else Qt.PenStyle.DotLine
            line.setPen(pg.mkPen(colour, width=1, style=style))
            line.setValue(mark.time_s - now_s)
            line.setToolTip(translated(mark.text))
        for index, line in enumerate(self._marks):
            line.setVisible(index < len(visible))

    def _titles(self) -> dict[str, str]:
        return {
            "memory": self.tr("Memory"),
            "cells": self.tr("Cells"),
            "prefill": self.tr("Reading"),
            "decode": self.tr("Writing"),
        }

    # ------------------------------------------------------------------------------------------ the frame

    def _make_plot(self) -> Any:
        """A bare view box: no axes, no menus, no buttons, nothing of pyqtgraph's own look."""
        plot = pg.GraphicsView()
        plot.setFixedHeight(theme.px(_HEIGHT))
        plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        # The desk scrolls with the wheel, also over the graph.
        plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._box = pg.ViewBox(enableMouse=False, enableMenu=False, defaultPadding=0)
        plot.setCentralItem(self._box)
        self._box.setRange(xRange=(-self._span_s, 0), yRange=(0, 1), padding=0)
        self._grid = [
            pg.InfiniteLine(pos=height, angle=0) for height in (MEMORY_LANE.bottom, SPEED_LANE.bottom)
        ]
        self._ceiling = pg.InfiniteLine(pos=1, angle=0)
        self._ceiling_words = pg.TextItem(anchor=(1, 1))
        self._ceiling.hide()
        self._ceiling_words.hide()
        for item in (*self._grid, self._ceiling, self._ceiling_words):
            self._box.addItem(item, ignoreBounds=True)
        for name in ("cells", "memory", "prefill", "decode"):
            self._curves[name] = pg.PlotCurveItem(connect="finite", antialias=True)
            self._box.addItem(self._curves[name], ignoreBounds=True)
        return plot

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(0)
        head.addWidget(text_label(self.tr("Live"), bold=True))
        head.addStretch(1)
        head.addWidget(self.pause_button)
        head.addWidget(self.span_button)
        head.addWidget(self.large_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        column.addLayout(head)
        column.addWidget(self.plot)
        column.addWidget(self.legend)
        self.setAccessibleName(self.tr("Live graph"))

    def _colour(self) -> None:
        """Take the theme's colours."""
        self.plot.setBackground(theme.colour("panel"))
        for line in self._grid:
            line.setPen(pg.mkPen(theme.colour("line"), width=1))
        self._ceiling.setPen(pg.mkPen(theme.colour("muted"), width=1, style=Qt.PenStyle.DashLine))
        self._ceiling_words.setColor(theme.colour("muted"))
        self._ceiling_words.setFont(theme.current().font(TextSize.NOTE, figures=True))
        for name, colour in line_colours().items():
            self._curves[name].setPen(pg.mkPen(colour, width=1.5))
        for name, lane in (("cells", MEMORY_LANE), ("prefill", SPEED_LANE), ("decode", SPEED_LANE)):
            ground = QColor(line_colours()[name])
            ground.setAlphaF(0.16)
            self._curves[name].setFillLevel(lane.bottom)
            self._curves[name].setBrush(pg.mkBrush(ground))
        self.legend.show_colours(line_colours())

    def _make_span_menu(self) -> QMenu:
        menu = QMenu(self)
        for span_s in _SPANS_S:
            action = menu.addAction(self._span_words(span_s))
            action.triggered.connect(partial(self._choose_span, span_s))
        return menu

    def _span_words(self, span_s: int) -> str:
        if span_s < 60:
            return self.tr("last {count} seconds").format(count=span_s)
        if span_s < 3600:
            return self.tr("last {count} minutes").format(count=span_s // 60)
        return self.tr("last hour")

    def _choose_span(self, span_s: int, _checked: bool = False) -> None:
        self._span_s = span_s
        self._show_span()
        self.redraw()

    def _show_span(self) -> None:
        self.span_button.setText(self._span_words(self._span_s))
        self.span_button.setAccessibleName(self.tr("Time shown: {span}").format(span=self.span_button.text()))

    def _pause(self, is_paused: bool) -> None:
        times = self._history.columns().time_s
        self._paused_at_s = float(times[-1]) if is_paused and len(times) else None
        set_icon(self.pause_button, "play" if is_paused else "pause")
        self.redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Take the new theme's colours."""
        if event.type() == QEvent.Type.PaletteChange and self._curves:
            self._colour()
        super().changeEvent(event)


def line_colours() -> dict[str, QColor]:
    """The colour of each quantity; those of memory kinds only for what is memory of that kind."""
    return {
        "memory": theme.colour("text"),
        "cells": theme.colour("k"),
        "prefill": theme.colour("muted"),
        "decode": theme.colour("good"),
    }


def ceiling_bytes(state: DeskState, use: DeviceUse | None, *, is_gpu: bool) -> int | None:
    """What the device would hold with the plan loaded: the plan and what other programs hold there."""
    if use is None or not use.planned_bytes:
        return None
    device = use.device
    if not is_gpu or device.total_bytes is None or device.free_bytes is None:
        return use.planned_bytes if not is_gpu else None
    held = use.limit_bytes + use.margin_bytes - device.free_bytes if use.limit_bytes is not None else 0
    others = max(device.total_bytes - device.free_bytes - max(held, 0), 0)
    return use.planned_bytes + others


def _speed(tokens_per_s: float) -> str:
    return f"{tokens_per_s:,.0f}" if tokens_per_s >= 100 else f"{tokens_per_s:.1f}"
