"""Where the conversations and what was measured lie, and the way to have them elsewhere."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.theme import Space, TextSize


class DataFolder(QWidget):
    """Shows the folder; a move is asked about in place, because what is loaded has to be closed for it."""

    openWanted = Signal()
    moveWanted = Signal(str)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._target = ""
        self._answer = QWidget()
        self._words = " ".join((self.tr("Data folder"), self.tr("Move…"), str(folder))).casefold()
        self.path = text_label(str(folder), "muted", TextSize.TABLE, wrap=True)
        self.path.setAccessibleName(self.tr("Data folder"))
        self.show_button = push_button(self.tr("Show"))
        self.move_button = push_button(self.tr("Move…"))
        self.question = text_label(size=TextSize.TABLE, wrap=True)
        self.yes_button = push_button(self.tr("Close the model and move"), "primary")
        self.no_button = push_button(self.tr("Leave it there"))
        for button in (self.show_button, self.move_button, self.yes_button, self.no_button):
            button.setAutoDefault(False)
        self.show_button.clicked.connect(self.openWanted)
        self.move_button.clicked.connect(self._choose)
        self.yes_button.clicked.connect(lambda: self.moveWanted.emit(self._target))
        self.no_button.clicked.connect(lambda: self._answer.hide())
        self._lay_out()

    def is_found_by(self, words: str) -> bool:
        """Whether every word is somewhere in what is shown."""
        return all(word in self._words for word in words.casefold().split())

    def ask(self, target: str) -> None:
        """Ask whether the data shall be moved to a folder."""
        self._target = target
        self.question.setText(
            self.tr(
                "Conversations, presets, parked chats, the ledger and what was measured are copied to"
                " {folder} and compared; only then the old files go. What is loaded is closed before, and the"
                " window opens again after it."
            ).format(folder=target)
        )
        self._answer.show()

    def _choose(self) -> None:
        dialog = QFileDialog(self, self.tr("A folder for the data"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.ask)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _lay_out(self) -> None:
        texts = QVBoxLayout()
        texts.setSpacing(Space.TINY)
        texts.addWidget(text_label(self.tr("Data folder")))
        texts.addWidget(self.path)
        line = QHBoxLayout()
        line.addLayout(texts, 1)
        line.addWidget(self.show_button)
        line.addWidget(self.move_button)
        answers = QHBoxLayout()
        answers.addStretch(1)
        answers.addWidget(self.no_button)
        answers.addWidget(self.yes_button)
        asked = QVBoxLayout(self._answer)
        asked.setContentsMargins(0, 0, 0, 0)
        asked.addWidget(self.question)
        asked.addLayout(answers)
        self._answer.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(line)
        column.addWidget(self._answer)
