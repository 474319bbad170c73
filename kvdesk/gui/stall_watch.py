"""Measures how long the event loop was ever kept from its work; for development and benchmarks.

Set KVDESK_STALL_LOG to a file and the longest stalls are written there as lines of milliseconds and time.
"""

import os
import time
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer

_TICK_MS = 5
_WORTH_NOTING_MS = 20.0


class StallWatch(QObject):
    """A precise timer that notes how late it fires: that is how long something else held the loop."""

    def __init__(self, parent: QObject, log: Path | None = None) -> None:
        super().__init__(parent)
        self.longest_ms = 0.0
        self.stalls: list[tuple[float, float]] = []  # (seconds since the start, milliseconds)
        self._log = log
        self._started_s = self._last_s = time.perf_counter()
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def _tick(self) -> None:
        now_s = time.perf_counter()
        late_ms = (now_s - self._last_s) * 1000 - _TICK_MS
        self._last_s = now_s
        self.longest_ms = max(self.longest_ms, late_ms)
        if late_ms < _WORTH_NOTING_MS:
            return
        self.stalls.append((now_s - self._started_s, late_ms))
        if self._log is not None:
            with self._log.open("a", encoding="utf-8") as lines:
                lines.write(f"{late_ms:.1f} ms at {now_s - self._started_s:.3f} s\n")


def watch_if_asked(parent: QObject) -> StallWatch | None:
    """Start a watch when KVDESK_STALL_LOG names a file."""
    log = os.environ.get("KVDESK_STALL_LOG")
    return StallWatch(parent, Path(log)) if log else None
