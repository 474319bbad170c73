"""The live graph: memory under its planned ceiling, the cells filled, and the speed, on one time axis."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication, QEvent, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.charts.lanes import MEMORY_LANE, SPEED_LANE, Lane, highest, latest, line
from kvdesk.gui.charts.legend import Legend
from kvdesk.gui.charts.live_plot import Curve, Level, LivePlot, MarkLine, Picture
from kvdesk.gui.controls import icon_button, push_button, text_label
from kvdesk.gui.desk.memory_rows import DeviceUse, chosen_cells, device_title, device_uses
from kvdesk.gui.icons import set_icon
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.history import Columns, History, Mark
from kvdesk.session.state import DeskState
from kvdesk.session.turns_left import turns_left
from kvdesk.units import format_bytes, format_mib, format_tokens

translate = QCoreApplication.translate

_HEIGHT = 136
_SPANS_S = (30, 120, 600, 3600)
_FIRST_SPAN_S = 120
_HEADROOM = 1.22  # of the lane above the highest line, for the ceiling's words
SLOWEST_S = 2.0  # what is shown of now is never older
_NEAR = 0.015  # of the width: what counts as pointing at a mark
_ROLES = {"memory": "text", "cells": "k", "prefill": "muted", "decode": "good"}  # of the theme's colours


@dataclass(frozen=True, slots=True)
class _Shown:
    """The rows of the span that is shown: how far across each lies, and the lines' values."""

    places: Sequence[float] = ()
    memory: Sequence[float] = ()
    cells: Sequence[float] = ()
    prefill: Sequence[float] = ()
    decode: Sequence[float] = ()


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
        self._shown = _Shown()
        self._marks: tuple[Mark, ...] = ()  # within the span
        self._now_s = 0.0  # where the picture ends
        self.legend = Legend()
        self.span_button = push_button("", "flat", TextSize.TABLE)
        self.span_button.setMenu(self._make_span_menu())
        self.pause_button = icon_button("pause", self.tr("Hold the graph still"))
        self.pause_button.setCheckable(True)
        self.pause_button.toggled.connect(self._pause)
        self.large_button = icon_button("enlarge", self.tr("Open the graph in large, and as a table"))
        self.large_button.clicked.connect(self.largeWanted)
        self.plot = LivePlot()
        self.plot.setFixedHeight(_HEIGHT)
        self.plot.pointedAt.connect(self._read_off)
        self.forecast = text_label("", "muted", TextSize.NOTE, wrap=True)
        self._lay_out()
        self._show_span()
        self.legend.show_colours(line_colours())
        for name, title in self._titles().items():
            self.legend.show_value(name, title, "–")

    def show_state(self, state: DeskState) -> None:
        """Draw the newest sample, if there is one that is not drawn."""
        is_foreseen = state.chat is self._state.chat and state.engine.loaded is self._state.engine.loaded
        self._state = state
        if not is_foreseen:
            self._show_forecast()
        if state.samples != self._drawn_sample and self.isVisible() and self._is_due():
            self._drawn_sample = state.samples
            self.redraw()

    def _is_due(self) -> bool:
        """Whether the lines would move by a pixel: what is shown of an hour moves slowly."""
        newest = self._history.newest_s
        pixel_s = self._span_s / max(self.plot.width(), 1)
        return newest is None or not 0 <= newest - self._now_s < min(pixel_s, SLOWEST_S)

    def redraw(self) -> None:
        """Draw the history as it is now."""
        columns = self._history.columns()
        if len(columns.time_s) == 0:
            return
        now_s = self._paused_at_s if self._paused_at_s is not None else columns.time_s[-1]
        use = next(iter(device_uses(self._state)), None)
        name = use.device.name if use else ""
        is_gpu = name in columns.device_bytes and latest(columns.device_bytes[name]) is not None
        self.legend.setToolTip(
            device_title(use.device) if is_gpu and use else self.tr("The engine's process")
        )
        self._shown = self._rows(columns, columns.device_bytes[name] if is_gpu else None, now_s)
        ceiling = ceiling_bytes(self._state, use, is_gpu=is_gpu)
        self._marks = tuple(
            mark for mark in self._history.marks if now_s - self._span_s <= mark.time_s <= now_s
        )
        self._now_s = now_s
        self.plot.show_picture(self._picture(ceiling))
        self._read_off(self.plot.pointed_at)
        self._describe()

    # ------------------------------------------------------------------------------------------- drawing

    def _rows(self, columns: Columns, of_device: Sequence[float] | None, now_s: float) -> _Shown:
        first = max(bisect_left(columns.time_s, now_s - self._span_s) - 1, 0)
        rows = slice(first, bisect_right(columns.time_s, now_s))
        return _Shown(
            [1 + (time_s - now_s) / self._span_s for time_s in columns.time_s[rows]],
            (columns.process_bytes if of_device is None else of_device)[rows],
            columns.cells_used[rows],
            columns.prefill_tokens_per_s[rows],
            columns.decode_tokens_per_s[rows],
        )

    def _picture(self, ceiling: int | None) -> Picture:
        shown = self._shown
        most = max(highest(shown.memory), ceiling or 0, 1) * _HEADROOM
        most_cells = max(chosen_cells(self._state), highest(shown.cells)) * _HEADROOM
        level = None
        if ceiling is not None:
            words = self.tr("planned ceiling {size} MiB").format(size=format_mib(ceiling))
            level = Level(MEMORY_LANE.height(ceiling, most), words)
        curves = [
            self._curve("cells", shown.cells, most_cells, MEMORY_LANE),
            self._curve("memory", shown.memory, most, MEMORY_LANE, is_filled=False),
        ]
        for name, speeds in (("prefill", shown.prefill), ("decode", shown.decode)):
            if fastest := highest(speeds):
                resting = [0.0 if speed != speed else speed for speed in speeds]  # NaN: it does not run
                curves.append(self._curve(name, resting, fastest * _HEADROOM, SPEED_LANE))
        marks = tuple(self._mark_line(mark) for mark in self._marks)
        return Picture((MEMORY_LANE.bottom, SPEED_LANE.bottom), marks, tuple(curves), level)

    def _curve(
        self, name: str, values: Sequence[float], most: float, lane: Lane, *, is_filled: bool = True
    ) -> Curve:
        pieces = line(self._shown.places, values, most, lane, max(self.plot.width(), 100))
        return Curve(_ROLES[name], pieces, lane.bottom if is_filled else None)

    def _mark_line(self, mark: Mark) -> MarkLine:
        if mark.kind == "exit":
            return MarkLine(self._place(mark), "bad")
        return MarkLine(self._place(mark), "muted", 0.45, is_dotted=mark.kind != "load")

    def _place(self, mark: Mark) -> float:
        return 1 + (mark.time_s - self._now_s) / self._span_s

    def _read_off(self, place: float) -> None:
        """Say the values at a place across in the legend; below 0 the latest ones."""
        shown, titles = self._shown, self._titles()
        if not shown.places:
            return
        row = len(shown.places) - 1 if place < 0 else max(bisect_right(shown.places, place) - 1, 0)
        memory, cells = latest(shown.memory[: row + 1]), latest(shown.cells[: row + 1])
        size = format_bytes(None if memory is None else round(memory))
        self.legend.show_value("memory", titles["memory"], size)
        filled = format_tokens(None if cells is None else round(cells))
        self.legend.show_value("cells", titles["cells"], filled)
        for name, speeds in (("prefill", shown.prefill), ("decode", shown.decode)):
            # Now: the latest one of the span, which has its use when the answer is over.
            known = [speed for speed in (speeds if place < 0 else speeds[row : row + 1]) if speed > 0]
            text = self.tr("{speed} t/s").format(speed=_speed(known[-1])) if known else "–"
            self.legend.show_value(name, titles[name], text)
        near = (mark for mark in self._marks if abs(self._place(mark) - place) <= _NEAR)
        self.plot.setToolTip("\n".join(translated(mark.text) for mark in near if mark.text))

    def _titles(self) -> dict[str, str]:
        return {
            "memory": self.tr("Memory"),
            "cells": self.tr("Cells"),
            "prefill": self.tr("Reading"),
            "decode": self.tr("Writing"),
        }

    def _show_forecast(self) -> None:
        words = forecast(self._state)
        self.forecast.setText(words)
        self.forecast.setVisible(bool(words))
        self._describe()

    def _describe(self) -> None:
        self.setAccessibleDescription(", ".join(filter(None, (self.legend.in_words(), self.forecast.text()))))

    # ------------------------------------------------------------------------------------------ the frame

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
        column.addWidget(self.forecast)
        self.forecast.hide()
        self.setAccessibleName(self.tr("Live graph"))

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
        self._paused_at_s = times[-1] if is_paused and len(times) else None
        set_icon(self.pause_button, "play" if is_paused else "pause")
        self.redraw()

    def changeEvent(self, event: QEvent) -> None:
        """Take the new theme's colours."""
        if event.type() == QEvent.Type.PaletteChange:
            self.legend.show_colours(line_colours())
            self.plot.update()
        super().changeEvent(event)


def line_colours() -> dict[str, QColor]:
    """The colour of each quantity; those of memory kinds only for what is memory of that kind."""
    return {name: theme.colour(role) for name, role in _ROLES.items()}


def forecast(state: DeskState) -> str:
    """When the context will be full, in words; "" where nothing tells it."""
    left = turns_left(state)
    if left is None:
        return ""
    if left.turns == 0:
        words = translate("MemoryChart", "The next turn may not fit: the last ones took {tokens} tokens each")
    elif left.turns == 1:
        words = translate("MemoryChart", "Full in about one turn, at {tokens} tokens each")
    else:
        words = translate("MemoryChart", "Full in about {count} turns, at {tokens} tokens each")
    return words.format(count=left.turns, tokens=format_tokens(left.tokens_each))


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
