"""Does what would hold the event loop for too long a part at a time, one in each turn of the loop."""

from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Signal

_PAUSE_MS = 5  # Qt serves a timer of no length before what else is due: painting, other timers


class InSteps(QObject):
    """Takes the steps one by one until they are done, or until it or its parent is deleted."""

    finished = Signal()

    def __init__(self, parent: QObject, steps: Iterator[object]) -> None:
        super().__init__(parent)
        self._steps = steps
        self._timer = QTimer(self)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self._take)
        self._timer.start()

    def finish(self) -> None:
        """Take all that are left at once."""
        while self._timer.isActive():
            self._take()

    def _take(self) -> None:
        try:
            next(self._steps)
        except StopIteration:
            self._timer.stop()
            self.finished.emit()
