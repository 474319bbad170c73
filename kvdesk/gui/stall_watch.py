"""Measures how long the event loop was ever kept from its work; for development and benchmarks.

Set KVDESK_STALL_LOG to a file and the longest stalls are written there, one a line.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer

_TICK_MS = 5
_WORTH_NOTING_MS = 20.0
_SCHEDULE = Path("/proc/thread-self/schedstat")


@dataclass(frozen=True, slots=True)
class Stall:
    """The loop was late by `late_ms`; of that time its thread computed for `busy_ms`.

    For `queued_ms` (known on Linux) it could have computed, but other programs had the processors. The rest
    it waited for a lock, Python's own among them, or for a disk.
    """

    at_s: float
    late_ms: float
    busy_ms: float
    queued_ms: float | None = None

    @property
    def own_ms(self) -> float:
        """How late the loop would have been on a machine of its own."""
        return self.late_ms - (self.queued_ms or 0.0)

    def __str__(self) -> str:
        queued = "" if self.queued_ms is None else f", {self.queued_ms:.1f} ms queued"
        return f"{self.late_ms:.1f} ms late, {self.busy_ms:.1f} ms busy{queued}, at {self.at_s:.3f} s"


def _queued_ms() -> float | None:
    """How long this thread has waited for a processor so far, as Linux counts it; None on other systems."""
    try:
        return int(_SCHEDULE.read_bytes().split()[1]) / 1e6
    except OSError:
        return None


class StallWatch(QObject):
    """A precise timer that notes how late it fires: that is how long something else held the loop."""

    def __init__(self, parent: QObject, log: Path | None = None) -> None:
        super().__init__(parent)
        self.stalls: list[Stall] = []
        self._log = log
        self._started_s = self._last_s = time.perf_counter()
        self._last_busy_s = time.thread_time()
        self._last_queued_ms = _queued_ms()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    @property
    def longest(self) -> Stall | None:
        """The longest stall worth noting so far."""
        return max(self.stalls, key=lambda stall: stall.late_ms, default=None)

    def _tick(self) -> None:
        now_s, busy_s = time.perf_counter(), time.thread_time()
        late_ms = (now_s - self._last_s) * 1000 - _TICK_MS
        busy_ms = (busy_s - self._last_busy_s) * 1000
        self._last_s, self._last_busy_s = now_s, busy_s
        queued_ms, before_ms = _queued_ms(), self._last_queued_ms
        self._last_queued_ms = queued_ms
        if late_ms < _WORTH_NOTING_MS:
            return
        waited_ms = None if queued_ms is None or before_ms is None else queued_ms - before_ms
        stall = Stall(now_s - self._started_s, late_ms, busy_ms, waited_ms)
        self.stalls.append(stall)
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as lines:
                lines.write(f"{stall}\n")


def watch_if_asked(parent: QObject) -> StallWatch | None:
    """Start a watch when KVDESK_STALL_LOG names a file."""
    log = os.environ.get("KVDESK_STALL_LOG")
    return StallWatch(parent, Path(log)) if log else None
