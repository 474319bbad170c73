"""What the large graph draws: each quantity's name, colour, lane and values, from the history's columns."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QColor

from kvdesk.gui import theme
from kvdesk.gui.charts.thinning import Values
from kvdesk.gui.desk.memory_rows import device_title
from kvdesk.gui.own_language import translated
from kvdesk.memory.report import Device
from kvdesk.monitor.sample import Throttle
from kvdesk.session.history import Column, Columns
from kvdesk.units import GIB

translate = QCoreApplication.translate

Dashes = Qt.PenStyle
# A device's own line and that of its neighbours; the next device has the next pair.
_DASHES = ((Dashes.SolidLine, Dashes.DashLine), (Dashes.DotLine, Dashes.DashDotLine))
_PLACES = {"": 0, "GiB": 2, "MHz": 0, "%": 0}


class Lane(IntEnum):
    """One plot over the common time axis, from top to bottom."""

    MEMORY = 0  # GiB
    CELLS = 1
    SPEED = 2  # tokens a second
    DEVICE = 3  # watts and degrees


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of the graph's table, and where it has a lane, a line of the graph.

    `values` that are a `Throttle` are drawn as a bar along the bottom while it is not 0.
    """

    name: str
    unit: str
    lane: Lane | None
    values: Values
    colour: QColor
    dashes: Dashes = Dashes.SolidLine
    is_throttle: bool = False

    def drawn(self) -> Values:
        """The heights of the line."""
        return np.where(self.values > 0, 0.0, np.nan) if self.is_throttle else self.values

    def text(self, value: float) -> str:
        """A reading without its unit; a dash when it is missing."""
        if math.isnan(value):
            return "–"
        if self.is_throttle:
            reasons = (translated(reason) for reason in Throttle(int(value)).reasons())
            return ", ".join(reasons) or translate("HistoryWindow", "no")
        return f"{value:,.{_PLACES.get(self.unit, 1)}f}"


def quantities(columns: Columns, devices: tuple[Device, ...]) -> list[Quantity]:
    """All that have a reading; lines of one colour differ in their dashes and their names."""
    named = {device.name: device_title(device) for device in devices}
    titles = {name: named.get(name, name) for name in columns.device_bytes}
    of_devices = [
        [*_of_device(columns, name, title, _DASHES[place % len(_DASHES)])]
        for place, (name, title) in enumerate(titles.items())
    ]
    every = [*(each for found in of_devices for each in found), *_of_engine(columns)]
    known = [each for each in every if not np.isnan(each.values).all()]
    return sorted(known, key=lambda each: len(Lane) if each.lane is None else each.lane)


def _of_device(
    columns: Columns, device: str, title: str, dashes: tuple[Dashes, Dashes]
) -> Iterator[Quantity]:
    def named(text: str) -> str:
        return text.format(device=title)

    used, own = _gib(columns.device_bytes[device]), _gib(columns.device_process_bytes[device])
    in_use = named(translate("HistoryWindow", "{device}: in use"))
    engine = named(translate("HistoryWindow", "{device}: the engine"))
    others = named(translate("HistoryWindow", "{device}: other programs"))
    power = named(translate("HistoryWindow", "{device}: power"))
    temperature = named(translate("HistoryWindow", "{device}: temperature"))
    throttle = named(translate("HistoryWindow", "{device}: slowed down"))
    clock = named(translate("HistoryWindow", "{device}: clock"))
    busy = named(translate("HistoryWindow", "{device}: busy"))
    bad, muted = theme.colour("bad"), theme.colour("muted")
    solid, dashed = dashes
    yield Quantity(in_use, "GiB", Lane.MEMORY, used, theme.colour("text"), solid)
    yield Quantity(engine, "GiB", Lane.MEMORY, own, theme.colour("k"), solid)
    yield Quantity(others, "GiB", Lane.MEMORY, used - own, muted, dashed)
    yield Quantity(
        power, "W", Lane.DEVICE, np.asarray(columns.device_power_w[device]), theme.colour("warn"), solid
    )
    yield Quantity(
        temperature, "°C", Lane.DEVICE, np.asarray(columns.device_temperature_c[device]), bad, dashed
    )
    yield Quantity(
        throttle, "", Lane.DEVICE, np.asarray(columns.device_throttle[device]), bad, is_throttle=True
    )
    yield Quantity(clock, "MHz", None, np.asarray(columns.device_gpu_clock_mhz[device]), muted)
    yield Quantity(busy, "%", None, np.asarray(columns.device_utilisation_percent[device]), muted)


def _of_engine(columns: Columns) -> Iterator[Quantity]:
    muted, dashed = theme.colour("muted"), Dashes.DashLine
    process = translate("HistoryWindow", "The engine's process")
    shared = translate("HistoryWindow", "Of the host's memory for GPUs")
    cells = translate("HistoryWindow", "Cells")
    reading, writing = translate("HistoryWindow", "Reading"), translate("HistoryWindow", "Writing")
    yield Quantity(process, "GiB", Lane.MEMORY, _gib(columns.process_bytes), theme.colour("v"), dashed)
    yield Quantity(shared, "GiB", Lane.MEMORY, _gib(columns.gpu_shared_bytes), theme.colour("bad"), dashed)
    yield Quantity(cells, "", Lane.CELLS, np.asarray(columns.cells_used), theme.colour("k"))
    yield Quantity(reading, "t/s", Lane.SPEED, np.asarray(columns.prefill_tokens_per_s), muted, dashed)
    yield Quantity(writing, "t/s", Lane.SPEED, np.asarray(columns.decode_tokens_per_s), theme.colour("good"))


def _gib(values: Column) -> Values:
    return np.asarray(values) / GIB
