"""Does what would hold the event loop for too long a part at a time, one in each turn of the loop."""

from collections.abc import Callable, Iterator

from PySide6.QtCore import QObject, QTimer, Signal

_PAUSE_MS = 5  # for what else is due: painting, other timers


def iter_calls(*calls: Callable[[], object]) -> Iterator[object]:
    """Return steps of one call each."""
    return (call() for call in calls)


class InSteps(QObject):
    """Takes the steps one by one until they are done, or until it or its parent is deleted."""

    finished = Signal()

    def __init__(self, parent: QObject, steps: Iterator[object]) -> None:
        super().__init__(parent)
        self._steps = steps
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)  # a repeated one that is late goes on without a pause
        self._timer.timeout.connect(self._take)
        self._timer.start(_PAUSE_MS)

    def finish(self) -> None:
        """Take all that are left at once."""
        while self._timer.isActive():
            self._timer.stop()
            self._take()

    def _take(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            self.finished.emit()
        else:
            self._timer.start(_PAUSE_MS)
