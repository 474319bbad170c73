"""Shows the keys that the window knows."""

from collections.abc import Sequence

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.theme import Space, TextSize


class ShortcutsDialog(QDialog):
    """A line for each key: what it does, and how it is written on this system."""

    def __init__(self, shortcuts: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keys"))
        self.setMinimumWidth(340)
        grid = QGridLayout()
        grid.setHorizontalSpacing(Space.HUGE)
        grid.setVerticalSpacing(Space.SMALL)
        grid.setColumnStretch(0, 1)
        for line, (keys, label) in enumerate(shortcuts):
            shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
            grid.addWidget(text_label(label), line, 0)
            grid.addWidget(text_label(shown, "muted", figures=True), line, 1)
        close = push_button(self.tr("Close"), "primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.LARGE)
        column.addWidget(text_label(self.tr("Keys"), size=TextSize.TITLE, bold=True))
        column.addLayout(grid)
        column.addLayout(buttons)
