"""What the live graph draws: one row for each sample of the last hour, in columns.

Plain arrays: numpy would cost the window 16 MB for a few hundred additions a minute. What calculates with
whole columns makes numpy's arrays of them without a copy.
"""

import math
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from kvdesk.monitor.sample import DeviceSample, ProcessUse, Sample
from kvdesk.session.state import DeskState, Phase

Column: TypeAlias = "array[float]"
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
    """Copies of equal length, oldest row first; a missing reading is NaN.

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
    """The newest `capacity` rows."""

    def __init__(self, capacity: int = HOUR_ROWS) -> None:
        self._capacity = capacity
        self._columns = {name: array("d") for name in FIXED}
        self._devices: dict[str, dict[str, Column]] = {name: {} for name in _OF_DEVICE}
        self._marks: list[Mark] = []
        self.neighbours: dict[str, tuple[ProcessUse, ...]] = {}  # of the newest row, by device

    def __len__(self) -> int:
        return min(len(self._times), self._capacity)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Marks not older than the oldest row."""
        return tuple(self._marks)

    @property
    def newest_s(self) -> float | None:
        """The time of the newest row."""
        return self._times[-1] if self._times else None

    def columns(self) -> Columns:
        """The rows held now."""
        rows = slice(len(self._times) - len(self), None)
        fixed = {name: column[rows] for name, column in self._columns.items()}
        by_device = {
            quantity: {name: column[rows] for name, column in columns.items()}
            for quantity, columns in self._devices.items()
        }
        return Columns(**by_device, **fixed)  # type: ignore[arg-type]  # the names are those of its fields

    def add(self, sample: Sample, state: DeskState, readings: Mapping[str, DeviceSample]) -> None:
        """Append a row. `readings` are those of the devices by llama.cpp's name."""
        if len(self._times) == 2 * self._capacity:  # seldom: the rest moves to the front
            for column in self._every_column():
                del column[: self._capacity]
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
        for quantity, columns in self._devices.items():
            for name in readings:
                if name not in columns:
                    columns[name] = array("d", [math.nan]) * len(self._times)
            for name, column in columns.items():
                column.append(_number(getattr(readings.get(name), _OF_DEVICE[quantity], None)))
        for name, value in row.items():
            self._columns[name].append(_number(value))
        self.neighbours = {name: reading.neighbours for name, reading in readings.items()}

    def mark(self, time_s: float, kind: MarkKind, text: str) -> None:
        """Remember something that happened; marks older than the oldest row are dropped."""
        oldest = self._times[-len(self)] if len(self) else time_s
        self._marks = [mark for mark in self._marks if mark.time_s >= oldest]
        self._marks.append(Mark(time_s, kind, text))

    @property
    def _times(self) -> Column:
        return self._columns["time_s"]

    def _every_column(self) -> Iterator[Column]:
        yield from self._columns.values()
        for columns in self._devices.values():
            yield from columns.values()


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _cells_used(state: DeskState) -> int | None:
    engine = state.engine
    if engine.loaded is None:
        return None
    if engine.phase in (Phase.PREFILL, Phase.DECODE) and engine.prefill_total_tokens:
        written = state.streaming.tokens if state.streaming else 0
        return engine.prefill_done_tokens + written
    return engine.cache.cells_used if engine.cache else 0
