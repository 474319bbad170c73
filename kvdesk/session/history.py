"""What the live graph draws: one row for each sample of the last hour, in columns."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kvdesk.monitor.sample import DeviceSample, ProcessUse, Sample
from kvdesk.session.state import DeskState, Phase

Column = NDArray[np.float64]
MarkKind = Literal["load", "turn", "exit", "unload", "resized", "converted", "parked", "shift"]
HOUR_ROWS = 2 * 3600  # the sampler reads twice a second
FIXED = (
    "time_s",
    "process_bytes",
    "gpu_shared_bytes",
    "cells_used",
    "prefill_tokens_per_s",
    "decode_tokens_per_s",
)
# A column of `Columns` for each device, and the field of its reading.
_OF_DEVICE = {
    "device_bytes": "used_bytes",
    "device_process_bytes": "process_bytes",
    "device_power_w": "power_w",
    "device_temperature_c": "temperature_c",
    "device_gpu_clock_mhz": "gpu_clock_mhz",
    "device_utilisation_percent": "utilisation_percent",
    "device_throttle": "throttle",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, to be drawn across the graph."""

    time_s: float
    kind: MarkKind
    text: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Views of equal length, oldest row first; a missing reading is NaN. They change with the next row.

    `time_s` is of the monotonic clock. `process_bytes` is the engine's resident memory, `gpu_shared_bytes`
    what its GPUs use of the host's (Windows). By llama.cpp's device name: memory in use on it, of that the
    engine's own, power, temperature, clock, how busy it is, and what holds it down as `Throttle` has it.
    """

    time_s: Column
    device_bytes: dict[str, Column]
    device_process_bytes: dict[str, Column]
    device_power_w: dict[str, Column]
    device_temperature_c: dict[str, Column]
    device_gpu_clock_mhz: dict[str, Column]
    device_utilisation_percent: dict[str, Column]
    device_throttle: dict[str, Column]
    process_bytes: Column
    gpu_shared_bytes: Column
    cells_used: Column
    prefill_tokens_per_s: Column
    decode_tokens_per_s: Column


class History:
    """A bounded ring of rows that can always be handed out as plain, contiguous views."""

    def __init__(self, capacity: int = HOUR_ROWS) -> None:
        # Twice the capacity: rows are appended, and once in `capacity` rows the newest half moves to the
        # front. That keeps every view contiguous, which pyqtgraph draws without a copy.
        self._capacity = capacity
        self._end = 0
        self._columns = {name: self._new_column() for name in FIXED}
        self._devices: dict[str, dict[str, Column]] = {name: {} for name in _OF_DEVICE}
        self._marks: list[Mark] = []
        self.neighbours: dict[str, tuple[ProcessUse, ...]] = {}  # of the newest row, by device

    def __len__(self) -> int:
        return min(self._end, self._capacity)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Marks not older than the oldest row."""
        return tuple(self._marks)

    def columns(self) -> Columns:
        """Return views of the rows held now."""
        rows = slice(self._end - len(self), self._end)
        fixed = {name: column[rows] for name, column in self._columns.items()}
        by_device = {
            quantity: {name: column[rows] for name, column in columns.items()}
            for quantity, columns in self._devices.items()
        }
        return Columns(**by_device, **fixed)  # type: ignore[arg-type]  # the names are those of its fields

    def copied(self) -> Columns:
        """Return the rows held now, to keep."""
        return copy.deepcopy(self.columns())

    def add(self, sample: Sample, state: DeskState, readings: Mapping[str, DeviceSample]) -> None:
        """Append a row. `readings` are those of the devices by llama.cpp's name."""
        if self._end == 2 * self._capacity:
            self._move_to_front()
        engine = state.engine
        prefilling, decoding = engine.phase is Phase.PREFILL, engine.phase is Phase.DECODE
        row = {
            "time_s": sample.time_s,
            "process_bytes": sample.host.process_bytes,
            "gpu_shared_bytes": sample.host.gpu_shared_bytes,
            "cells_used": _cells_used(state),
            "prefill_tokens_per_s": engine.tokens_per_s if prefilling else None,
            "decode_tokens_per_s": engine.tokens_per_s if decoding else None,
        }
        for name, value in row.items():
            self._columns[name][self._end] = np.nan if value is None else value
        for quantity, field in _OF_DEVICE.items():
            columns = self._devices[quantity]
            for name, reading in readings.items():
                if name not in columns:
                    columns[name] = self._new_column()
                value = getattr(reading, field)
                columns[name][self._end] = np.nan if value is None else value
        self.neighbours = {name: reading.neighbours for name, reading in readings.items()}
        self._end += 1

    def mark(self, time_s: float, kind: MarkKind, text: str) -> None:
        """Remember something that happened; marks older than the oldest row are dropped."""
        oldest = float(self.columns().time_s[0]) if len(self) else time_s
        self._marks = [mark for mark in self._marks if mark.time_s >= oldest]
        self._marks.append(Mark(time_s, kind, text))

    def _new_column(self) -> Column:
        return np.full(2 * self._capacity, np.nan)

    def _move_to_front(self) -> None:
        of_devices = (column for columns in self._devices.values() for column in columns.values())
        for column in (*self._columns.values(), *of_devices):
            column[: self._capacity] = column[self._capacity :]
            column[self._capacity :] = np.nan
        self._end = self._capacity


def _cells_used(state: DeskState) -> int | None:
    engine = state.engine
    if engine.loaded is None:
        return None
    if engine.phase in (Phase.PREFILL, Phase.DECODE) and engine.prefill_total_tokens:
        written = state.streaming.tokens if state.streaming else 0
        return engine.prefill_done_tokens + written
    return engine.cache.cells_used if engine.cache else 0
