"""A button that puts a text on the clipboard and says that it did."""

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QPushButton

_COPIED_MS = 1600


class CopyButton(QPushButton):
    """Puts a text on the clipboard and says so for a moment."""

    def __init__(self, label: str, kind: str = "normal") -> None:
        super().__init__(label)
        self.setProperty("kind", kind)
        self.setAccessibleName(label)
        self._label = label
        self._text = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_COPIED_MS)
        self._timer.timeout.connect(lambda: self.setText(self._label))
        self.clicked.connect(self._copy)

    def set_copied_text(self, text: str) -> None:
        """Set what a click copies."""
        self._text = text

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
        self.setText(self.tr("Copied"))
        self._timer.start()
