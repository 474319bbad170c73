"""Shows how far the move of the data folder is, between the window that was closed for it and the next."""

from collections.abc import Callable
from pathlib import Path
from threading import Thread

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QHBoxLayout, QProgressBar, QVBoxLayout

from kvdesk.errors import Cancelled, KvDeskError
from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.theme import Space
from kvdesk.session.moving import Progress
from kvdesk.units import format_bytes

_LOOK_MS = 50


class MovingDialog(QDialog):
    """Runs a move in a thread of its own; finished when that is. `error` is why nothing was moved."""

    def __init__(self, move: Callable[[Progress], object], folder: Path) -> None:
        super().__init__()
        theme.dress(self)
        self.error: KvDeskError | None = None
        self._done = self._total = 0
        self._is_stopped = False
        self._move = move
        self.setWindowTitle(self.tr("KV Desk"))
        self.setMinimumWidth(theme.px(420))
        self._words = text_label(self.tr("Moving the data to {folder}").format(folder=folder), wrap=True)
        self._figures = text_label("", "muted", figures=True)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setAccessibleName(self.tr("Progress of the move"))
        self.stop_button = push_button(self.tr("Leave it where it was"))
        self.stop_button.setAutoDefault(False)
        self.stop_button.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self._figures, 1)
        buttons.addWidget(self.stop_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        for part in (self._words, self._bar):
            column.addWidget(part)
        column.addLayout(buttons)
        self._thread = Thread(target=self._run, name="kvdesk-moving", daemon=True)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._show_progress)

    def start(self) -> None:
        """Begin, and show how far it is."""
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.show()
        self._thread.start()
        self._look.start()

    def reject(self) -> None:
        """Stop; the dialog goes once the copies are away."""
        self._is_stopped = True
        self.stop_button.setEnabled(False)

    def _run(self) -> None:
        try:
            self._move(self._tell)
        except Cancelled:
            pass
        except KvDeskError as error:
            self.error = error

    def _tell(self, done: int, total: int) -> bool:
        self._done, self._total = done, total
        return not self._is_stopped

    def _show_progress(self) -> None:
        self._bar.setValue(1000 * self._done // self._total if self._total else 0)
        self._figures.setText(f"{format_bytes(self._done)} / {format_bytes(self._total)}")
        if not self._thread.is_alive():
            self._look.stop()
            self.accept()
