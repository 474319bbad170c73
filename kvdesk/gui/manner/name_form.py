"""Asks in place for the name of a preset, and for what of the chat belongs to it."""

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLineEdit, QVBoxLayout

from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.manner.words import preset_words
from kvdesk.gui.theme import Space, TextSize
from kvdesk.settings.presets import Preset, find_preset


class NameForm(QFrame):
    """Hidden until something is to be named; says what keeps a name from being taken."""

    saved = Signal(str, bool, bool)
    renamed = Signal(str, str)
    ended = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("surface", "card")
        self._presets: tuple[Preset, ...] = ()
        self._old_name = ""
        self.name = QLineEdit()
        self.name.setAccessibleName(self.tr("Name of the preset"))
        self.name.setPlaceholderText(self.tr("Name of the preset"))
        self.has_prompt = QCheckBox(self.tr("System prompt"))
        self.has_sampling = QCheckBox(self.tr("Sampling"))
        self.problem = text_label(role="bad", size=TextSize.TABLE, wrap=True)
        self.ok_button = push_button(self.tr("Save"), "primary")
        self.cancel_button = push_button(self.tr("Cancel"))
        for button in (self.ok_button, self.cancel_button):
            button.setAutoDefault(False)
        self.ok_button.clicked.connect(self._finish)
        self.cancel_button.clicked.connect(self._end)
        self.name.textChanged.connect(self._check)
        self.name.installEventFilter(self)
        self.has_prompt.toggled.connect(self._check)
        self.has_sampling.toggled.connect(self._check)
        parts = QHBoxLayout()
        parts.setSpacing(Space.MEDIUM)
        parts.addWidget(self.has_prompt)
        parts.addWidget(self.has_sampling)
        parts.addStretch(1)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.SMALL)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.ok_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.MEDIUM, Space.MEDIUM, Space.MEDIUM, Space.MEDIUM)
        column.setSpacing(Space.SMALL)
        column.addWidget(self.name)
        column.addWidget(self.problem)
        column.addLayout(parts)
        column.addLayout(buttons)
        self.hide()

    def begin_saving(self, presets: tuple[Preset, ...]) -> None:
        """Ask for a new name, or for that of the preset to be replaced."""
        self._begin(presets, "")
        self.has_prompt.setChecked(True)
        self.has_sampling.setChecked(True)

    def begin_renaming(self, presets: tuple[Preset, ...], name: str) -> None:
        """Ask for another name of a preset."""
        self._begin(presets, name)

    def _begin(self, presets: tuple[Preset, ...], old_name: str) -> None:
        self._presets, self._old_name = presets, old_name
        for box in (self.has_prompt, self.has_sampling):
            box.setVisible(not old_name)
        self.name.setText(old_name)
        self.name.selectAll()
        self.show()
        self._check()
        self.name.setFocus()

    def _check(self) -> None:
        """Say what keeps the name from being taken, and what taking it would do."""
        name = self.name.text().strip()
        known = find_preset(self._presets, name)
        problem = ""
        if known is not None and known.is_built_in:
            problem = self.tr("“{name}” is built in; choose another name.").format(name=preset_words(known))
        elif known is not None and self._old_name and known.name != self._old_name:
            problem = self.tr("There is a preset “{name}” already.").format(name=known.name)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        label = self.tr("Save")
        if self._old_name:
            label = self.tr("Rename")
        elif known is not None and not problem:
            label = self.tr("Replace")
        self.ok_button.setText(label)
        self.ok_button.setAccessibleName(label)
        has_part = bool(self._old_name) or self.has_prompt.isChecked() or self.has_sampling.isChecked()
        self.ok_button.setEnabled(bool(name) and not problem and has_part)

    def _finish(self) -> None:
        if not self.ok_button.isEnabled():
            return
        name = self.name.text().strip()
        if self._old_name:
            self.renamed.emit(self._old_name, name)
        else:
            self.saved.emit(name, self.has_prompt.isChecked(), self.has_sampling.isChecked())
        self._end()

    def _end(self) -> None:
        self.hide()
        self.ended.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Enter takes the name; Escape leaves all as it is, and the window open."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._finish()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self._end()
                return True
        return super().eventFilter(watched, event)
