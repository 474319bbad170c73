"""What the large graph draws: each quantity's name, colour, lane and values, from the history's columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QColor

from kvdesk.gui import theme
from kvdesk.gui.charts.lanes import Values
from kvdesk.gui.desk.memory_rows import device_title
from kvdesk.memory.report import Device
from kvdesk.session.history import Columns
from kvdesk.units import GIB

translate = QCoreApplication.translate


class Lane(IntEnum):
    """One plot over the common time axis, from top to bottom."""

    MEMORY = 0  # GiB
    CELLS = 1
    SPEED = 2  # tokens a second
    DEVICE = 3  # watts and degrees


@dataclass(frozen=True, slots=True)
class Quantity:
    """A line of the graph and a column of its table."""

    name: str
    unit: str
    lane: Lane
    colour: QColor
    is_dashed: bool
    values: Values


def quantities(columns: Columns, devices: tuple[Device, ...]) -> list[Quantity]:
    """All lines that have a reading; lines of one colour differ in their dashes and their names."""
    titles = {device.name: device_title(device) for device in devices}
    return [each for each in _all(columns, titles) if not np.isnan(each.values).all()]


def _all(columns: Columns, titles: dict[str, str]) -> Iterator[Quantity]:
    text, muted = theme.colour("text"), theme.colour("muted")
    for device, values in columns.device_bytes.items():
        title = titles.get(device, device)
        yield Quantity(
            translate("HistoryWindow", "{device}: in use").format(device=title),
            "GiB",
            Lane.MEMORY,
            text,
            False,
            values / GIB,
        )
        if device in columns.device_process_bytes:
            own = columns.device_process_bytes[device] / GIB
            yield Quantity(
                translate("HistoryWindow", "{device}: the engine").format(device=title),
                "GiB",
                Lane.MEMORY,
                theme.colour("k"),
                False,
                own,
            )
            yield Quantity(
                translate("HistoryWindow", "{device}: other programs").format(device=title),
                "GiB",
                Lane.MEMORY,
                muted,
                True,
                values / GIB - own,
            )
    yield Quantity(
        translate("HistoryWindow", "The engine's process"),
        "GiB",
        Lane.MEMORY,
        theme.colour("v"),
        True,
        columns.process_bytes / GIB,
    )
    yield Quantity(
        translate("HistoryWindow", "Cells"), "", Lane.CELLS, theme.colour("k"), False, columns.cells_used
    )
    yield Quantity(
        translate("HistoryWindow", "Reading"), "t/s", Lane.SPEED, muted, True, columns.prefill_tokens_per_s
    )
    yield Quantity(
        translate("HistoryWindow", "Writing"),
        "t/s",
        Lane.SPEED,
        theme.colour("good"),
        False,
        columns.decode_tokens_per_s,
    )
    for device, values in columns.device_power_w.items():
        title = titles.get(device, device)
        name = translate("HistoryWindow", "{device}: power").format(device=title)
        yield Quantity(name, "W", Lane.DEVICE, theme.colour("warn"), False, values)
    for device, values in columns.device_temperature_c.items():
        title = titles.get(device, device)
        name = translate("HistoryWindow", "{device}: temperature").format(device=title)
        yield Quantity(name, "°C", Lane.DEVICE, theme.colour("bad"), True, values)
