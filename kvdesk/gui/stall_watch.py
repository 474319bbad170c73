"""Measures how long the event loop was ever kept from its work, and says by what: the stack at that moment.

A window run from a checkout of the source writes stalls of more than 50 ms into `stalls.log` beside the other
data; an installed one does not watch. KVDESK_STALL_LOG names another file, also for an installed window.
"""

import faulthandler
import os
import tempfile
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QTimer

_TICK_MS = 5
_WORTH_NOTING_MS = 20.0
_WORTH_LOGGING_MS = 50.0
_LOOK_S = 0.01  # how often the other thread looks whether the loop still turns
_MOST_LOG_BYTES = 1_000_000  # a log that has grown further is begun anew
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
    stack: str = ""  # where the loop was while it was late; "" for a stall too short to be looked at

    @property
    def own_ms(self) -> float:
        """How late the loop would have been on a machine of its own."""
        return self.late_ms - (self.queued_ms or 0.0)

    def __str__(self) -> str:
        queued = "" if self.queued_ms is None else f", {self.queued_ms:.1f} ms queued"
        line = f"{self.late_ms:.1f} ms late, {self.busy_ms:.1f} ms busy{queued}, at {self.at_s:.3f} s"
        return f"{line}\n{self.stack}" if self.stack else line


def _queued_ms() -> float | None:
    """How long this thread has waited for a processor so far, as Linux counts it; None on other systems."""
    try:
        return int(_SCHEDULE.read_bytes().split()[1]) / 1e6
    except OSError:
        return None


def stack_of(thread: int) -> str:
    """Return the stack of a thread, the innermost call first.

    Python's frames are not touched: who holds one may be the last to do so, and Qt's objects in it would be
    deleted in the wrong thread.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as lines:
        faulthandler.dump_traceback(lines, all_threads=True)
        lines.seek(0)
        stacks = lines.read().split("\n\n")
    return next((stack for stack in stacks if f"0x{thread:016x} " in stack.partition("\n")[0]), "")


class _Onlooker:
    """Looks from another thread at what the loop's thread does when it has not ticked for long."""

    def __init__(self, late_s: float) -> None:
        self._late_s = late_s
        self._watched = threading.get_ident()
        self._last_s = time.perf_counter()
        self._stack = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="stall-watch", daemon=True)
        self._thread.start()

    def tick(self) -> str:
        """Tell that the loop turns; return the stack seen since the last tick, "" when it was not late."""
        stack, self._stack = self._stack, ""
        self._last_s = time.perf_counter()
        return stack

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        if threading.current_thread() is not self._thread:  # where the collector may happen to run
            self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_S):
            if not self._stack and time.perf_counter() - self._last_s > self._late_s:
                self._stack = stack_of(self._watched)


class StallWatch(QObject):
    """A precise timer that notes how late it fires: that is how long something else held the loop."""

    def __init__(self, parent: QObject, log: Path | None = None) -> None:
        super().__init__(parent)
        self.stalls: list[Stall] = []
        self._log = log
        self._onlooker = _Onlooker((_WORTH_LOGGING_MS * 0.7) / 1000)  # before the stall is over
        self.destroyed.connect(self._onlooker.end)
        weakref.finalize(self, self._onlooker.end)  # where it has no parent that is destroyed
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
        stack = self._onlooker.tick()
        now_s, busy_s = time.perf_counter(), time.thread_time()
        late_ms = (now_s - self._last_s) * 1000 - _TICK_MS
        busy_ms = (busy_s - self._last_busy_s) * 1000
        self._last_s, self._last_busy_s = now_s, busy_s
        queued_ms, before_ms = _queued_ms(), self._last_queued_ms
        self._last_queued_ms = queued_ms
        if late_ms < _WORTH_NOTING_MS:
            return
        waited_ms = None if queued_ms is None or before_ms is None else queued_ms - before_ms
        stall = Stall(now_s - self._started_s, late_ms, busy_ms, waited_ms, stack)
        self.stalls.append(stall)
        if self._log is not None and late_ms >= _WORTH_LOGGING_MS:
            write_stall(self._log, stall)


def write_stall(log: Path, stall: Stall) -> None:
    """Add a stall to a log; what cannot be written is not worth an error."""
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as lines:
            lines.write(f"{stall}\n")


def log_for(folder: Path) -> Path | None:
    """Return the file for stalls: the one that is asked for, one in `folder` in development, else none."""
    asked = os.environ.get("KVDESK_STALL_LOG")
    if asked:
        return Path(asked)
    is_checkout = (Path(__file__).parents[2] / "pyproject.toml").is_file()
    if not is_checkout:
        return None
    log = folder / "stalls.log"
    if log.is_file() and log.stat().st_size > _MOST_LOG_BYTES:
        log.unlink()
    return log


def watch_stalls(parent: QObject, folder: Path) -> StallWatch | None:
    """Start a watch where `log_for` names a file."""
    log = log_for(folder)
    return StallWatch(parent, log) if log is not None else None
