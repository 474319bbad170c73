"""The live graph in large: every quantity on one time axis, to zoom and read off, as a table, as a file."""

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.charts.history_items import HistoryItems
from kvdesk.gui.charts.lane_plot import LanePlot
from kvdesk.gui.charts.memory_chart import SLOWEST_S, ceiling_bytes, forecast
from kvdesk.gui.charts.quantities import Dashes, Lane, Quantity, quantities
from kvdesk.gui.charts.thinning import thinned
from kvdesk.gui.controls import push_button, size_window, text_label
from kvdesk.gui.desk.memory_rows import device_title, device_uses
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState
from kvdesk.units import GIB, format_bytes

_DASH_SIGNS = {
    Dashes.SolidLine: "━",
    Dashes.DashLine: "╌",
    Dashes.DotLine: "┈",
    Dashes.DashDotLine: "╍",
}
_MOST_POINTS = 2000  # of a line: two for each pixel of a wide window
_FASTEST_S = 0.9
_OVER_ALL_GIB = 1e5


class HistoryWindow(QDialog):
    """Follows the present until the user zooms or moves; “Follow” goes back to it."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self._desk = desk
        self._drawn_sample = -1
        self._lines: dict[str, Any] = {}
        self._marks: list[Any] = []
        self._levels: dict[str, Any] = {}
        self._shown: list[Quantity] = []
        self._ages_s = np.zeros(0)
        self._now_s = 0.0  # of the newest row that is drawn
        self.setWindowTitle(self.tr("Memory, cache and speed"))
        size_window(self, 980, 680)
        self.items = HistoryItems()
        self.plots: dict[Lane, LanePlot] = {}
        self.graph = self._make_graph()
        self.readout = text_label("", "muted", TextSize.TABLE, figures=True, wrap=True)
        self.table = self._make_table()
        self.follow_button = push_button(self.tr("Follow"))
        self.follow_button.setCheckable(True)
        self.follow_button.setChecked(True)
        self.follow_button.toggled.connect(self._follow)
        self.png_button = push_button(self.tr("Save picture…"))
        self.csv_button = push_button(self.tr("Save CSV…"))
        self.close_button = push_button(self.tr("Close"), "primary")
        self.png_button.clicked.connect(
            lambda: self._choose_file(self.tr("Pictures (*.png)"), "png", self.save_picture)
        )
        self.csv_button.clicked.connect(
            lambda: self._choose_file(self.tr("Tables (*.csv)"), "csv", self.save_csv)
        )
        self.close_button.clicked.connect(self.accept)
        for button in (self.follow_button, self.png_button, self.csv_button):
            button.setAutoDefault(False)
        self.tabs = QTabWidget()
        self._lay_out()

    def show_state(self, state: DeskState) -> None:
        """Draw the newest sample, if there is one that is not drawn."""
        if state.samples != self._drawn_sample and self.follow_button.isChecked() and self._is_due():
            self._drawn_sample = state.samples
            self.redraw(state)

    def redraw(self, state: DeskState) -> None:
        """Draw the history as it is now."""
        columns = self._desk.history.columns()
        if not len(columns.time_s):
            return
        now_s = columns.time_s[-1]
        self._ages_s = now_s - np.asarray(columns.time_s)
        self._shown = quantities(columns, state.devices)
        for name in self._lines.keys() - {quantity.name for quantity in self._shown}:
            line = self._lines.pop(name)
            line.getViewBox().removeItem(line)
        self._now_s = now_s
        self._draw_lines()
        self._show_legends()
        self._draw_ceilings(state)
        self._draw_marks(now_s)
        shown = {Lane.MEMORY} | {each.lane for each in self._shown}
        for lane, plot in self.plots.items():
            plot.setVisible(lane in shown)
            plot.show_ages(lane is max(lane for lane in Lane if lane in shown))
            plot.box.updateAutoRange()  # now: when it happens while painting, all is painted again
        self._show_rows()
        self._read_off(0.0)

    def _is_due(self) -> bool:
        """Whether the lines would move by a pixel: in an hour of history a sample is an eighth of one.

        Every second sample is often enough for a picture that takes as long as a frame of the screen.
        """
        newest = self._desk.history.newest_s
        if newest is None or not len(self._ages_s):
            return True
        pixel_s: float = self._ages_s[0] / max(self.graph.width(), 1)
        waited_s = newest - self._now_s
        return waited_s >= min(max(pixel_s, _FASTEST_S), SLOWEST_S)

    def _show_rows(self) -> None:
        if self.tabs.currentWidget() is self.table:
            self.items.show_rows(self._ages_s, self._shown, datetime.now())

    def save_picture(self, path: str) -> None:
        """Write the graph as it stands to a PNG file."""
        if not self.graph.grab().save(path):
            actions.tell_not_written(self._desk, Path(path))

    def save_csv(self, path: str) -> None:
        """Write the whole history as a table."""
        actions.export_history(self._desk, Path(path))

    # ------------------------------------------------------------------------------------------- drawing

    def _draw_lines(self) -> None:
        rows = self._rows_in_view()
        for quantity in self._shown:
            if quantity.lane is not None:
                self._draw(quantity, quantity.lane, rows)

    def _rows_in_view(self) -> slice:
        """All rows, or where the user has zoomed in those that show: they keep their shape then."""
        if self.follow_button.isChecked():
            return slice(None)
        (first, last), _ = self.plots[Lane.MEMORY].box.viewRange()
        before, after = np.searchsorted(-self._ages_s, (first, last))
        return slice(max(int(before) - 1, 0), int(after) + 1)

    def _draw(self, quantity: Quantity, lane: Lane, rows: slice) -> None:
        line = self._lines.get(quantity.name)
        if line is None:
            line = pg.PlotCurveItem(connect="finite", antialias=True)
            self.plots[lane].box.addItem(line)
            self._lines[quantity.name] = line
        width = (
            6 if quantity.is_throttle else 1
        )  # a restless line that is wider takes Qt a hundred times as long
        line.setPen(pg.mkPen(quantity.colour, width=width, style=quantity.dashes))
        line.setData(*thinned(-self._ages_s[rows], quantity.drawn()[rows], _MOST_POINTS))

    def _show_legends(self) -> None:
        for lane, plot in self.plots.items():
            parts = [
                f'<span style="color:{each.colour.name()}">{_DASH_SIGNS[each.dashes]}</span>'
                + f" {each.name} ({each.unit})".removesuffix(" ()").replace(" ", "&nbsp;")
                for each in self._shown
                if each.lane is lane
            ]
            plot.show_legend(" &nbsp; ".join(parts))

    def _draw_ceilings(self, state: DeskState) -> None:
        """The lines not to cross: of each GPU, or where there is none of the engine's process."""
        reserve = self._desk.settings.reserve_bytes
        uses = device_uses(state, reserve)
        gpus = [use for use in uses if use.device.kind == "gpu"]
        heights: dict[str, int] = {}
        for use in gpus or uses[:1]:
            of = f"{device_title(use.device)}: " if len(gpus) > 1 else ""
            if (ceiling := ceiling_bytes(state, use, is_gpu=bool(gpus))) is not None:
                heights[of + self.tr("planned ceiling")] = ceiling
            if gpus and use.device.total_bytes is not None:
                kept = of + self.tr("above this: kept for other programs")
                heights[kept] = use.device.total_bytes - reserve
        for name in self._levels.keys() - heights.keys():
            self.plots[Lane.MEMORY].box.removeItem(self._levels.pop(name))
        for name, height in heights.items():
            if name not in self._levels:
                self._levels[name] = self._level(name, place=0.1 + 0.3 * (len(self._levels) % 3))
            self._levels[name].setValue(height / GIB)

    def _draw_marks(self, now_s: float) -> None:
        box = self.plots[Lane.MEMORY].box
        for line in self._marks:
            box.removeItem(line)
        self._marks = []
        # Turns come too often for words, and for an item of the scene each.
        turns = [mark.time_s - now_s for mark in self._desk.history.marks if mark.kind == "turn"]
        self._turns.setPen(pg.mkPen(theme.colour("muted", 0.6), width=1))
        self._turns.setData(np.repeat(turns, 2), np.tile((0.0, _OVER_ALL_GIB), len(turns)))
        for mark in self._desk.history.marks:
            if mark.kind == "turn":
                continue
            colour = theme.colour("bad") if mark.kind == "exit" else theme.colour("muted", 0.6)
            words, pen = translated(mark.text), pg.mkPen(colour, width=1)
            line = pg.InfiniteLine(
                pos=mark.time_s - now_s, angle=90, pen=pen, label=words, labelOpts=_over_lines()
            )
            line.label.setColor(theme.colour("muted"))
            line.label.setPosition(0.5)
            box.addItem(line, ignoreBounds=True)
            self._marks.append(line)

    def _moved(self, place: QPointF) -> None:
        self._read_off(float(self.plots[Lane.MEMORY].box.mapSceneToView(place).x()))

    def _read_off(self, x: float) -> None:
        """Say every quantity at the sample nearest to a place on the time axis."""
        if not len(self._ages_s):
            return
        nearest = int(np.abs(self._ages_s + x).argmin())
        age_s = float(self._ages_s[nearest])
        for line in self._cursors:
            line.setValue(-age_s)
            line.setVisible(age_s > 0)
        values = [
            f"{quantity.name} {quantity.text(quantity.values[nearest])} {quantity.unit}".strip()
            for quantity in self._shown
            if not np.isnan(quantity.values[nearest])
        ]
        if age_s == 0:
            values += [*self._neighbours(), *filter(None, [forecast(self._desk.state)])]
        when = self.tr("now") if age_s == 0 else self.tr("{age} s ago").format(age=f"{age_s:.1f}")
        self.readout.setText(f"{when}: {' · '.join(values)}")
        self.graph.setAccessibleDescription(self.readout.text())

    def _neighbours(self) -> list[str]:
        """Which other programs hold memory of the devices now, as far as their drivers tell."""
        uses = {name: each for name, each in self._desk.history.neighbours.items() if each}
        titles = {device.name: device_title(device) for device in self._desk.state.devices}
        return [
            self.tr("{program} on {device} {size}").format(
                program=use.name, device=titles.get(name, name), size=format_bytes(use.bytes)
            )
            for name, each in uses.items()
            for use in each
        ]

    def _follow(self, is_on: bool) -> None:
        if is_on:
            for plot in self.plots.values():
                plot.box.enableAutoRange()
            self.redraw(self._desk.state)

    # ------------------------------------------------------------------------------------------ the frame

    def _make_graph(self) -> Any:
        """A lane over the other; bare view boxes, because pyqtgraph's plots leave their menus behind."""
        graph = pg.GraphicsView()
        graph.setBackground(theme.colour("panel"))
        graph.setAccessibleName(self.tr("Graph"))
        layout = pg.GraphicsLayout()
        graph.setCentralItem(layout)
        self._cursors: list[Any] = []
        for lane in Lane:
            plot = LanePlot()
            layout.addItem(plot, row=int(lane), col=0)
            plot.box.sigRangeChangedManually.connect(self._stop_following)
            cursor = pg.InfiniteLine(angle=90, pen=pg.mkPen(theme.colour("accent", 0.7), width=1))
            plot.box.addItem(cursor, ignoreBounds=True)
            self._cursors.append(cursor)
            if self.plots:
                plot.box.setXLink(self.plots[Lane.MEMORY].box)
            self.plots[lane] = plot
        layout.layout.setRowStretchFactor(int(Lane.MEMORY), 2)
        self._turns = pg.PlotCurveItem(connect="pairs")
        self.plots[Lane.MEMORY].box.addItem(self._turns, ignoreBounds=True)
        graph.scene().sigMouseMoved.connect(self._moved)
        return graph

    def _stop_following(self, _: object) -> None:
        self.follow_button.setChecked(False)
        self._draw_lines()

    def _level(self, text: str, place: float) -> Any:
        pen = pg.mkPen(theme.colour("muted"), width=1, style=Qt.PenStyle.DashLine)
        below = {"anchors": [(0.5, 0.0)] * 2, **_over_lines()}  # above the line there may be no room
        line = pg.InfiniteLine(angle=0, pen=pen, label=text, labelOpts=below)
        line.label.setColor(theme.colour("muted"))
        line.label.setPosition(place)
        self.plots[Lane.MEMORY].box.addItem(line)
        return line

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.items)
        table.setAccessibleName(self.tr("Table of the samples"))
        table.setFont(theme.current().font(TextSize.TABLE, figures=True))
        table.setShowGrid(False)
        table.verticalHeader().hide()
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setResizeContentsPrecision(20)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        return table

    def _lay_out(self) -> None:
        page = QWidget()
        inner = QVBoxLayout(page)
        inner.setContentsMargins(Space.SMALL, Space.SMALL, Space.SMALL, Space.SMALL)
        inner.addWidget(self.graph, 1)
        inner.addWidget(self.readout)
        self.tabs.addTab(page, self.tr("Graph"))
        self.tabs.addTab(self.table, self.tr("Table"))
        self.tabs.currentChanged.connect(self._show_rows)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.SMALL)
        buttons.addWidget(self.follow_button)
        buttons.addWidget(self.png_button)
        buttons.addWidget(self.csv_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        column.addWidget(self.tabs, 1)
        column.addLayout(buttons)

    def _choose_file(self, kind: str, suffix: str, save: Any) -> None:
        dialog = QFileDialog(self, self.tr("Save the graph"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([kind, self.tr("All files (*)")])
        dialog.setDefaultSuffix(suffix)
        dialog.selectFile(f"kvdesk-history.{suffix}")
        dialog.fileSelected.connect(save)
        dialog.open()


def _over_lines() -> dict[str, Any]:
    """How a label stands out from the lines that it lies over."""
    return {"fill": theme.colour("panel", 0.85)}
