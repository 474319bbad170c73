"""Shows the launch command for the chosen options, ready to be copied."""

from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from kvdesk.errors import KvDeskError
from kvdesk.export import TARGETS
from kvdesk.export.shells import SHELLS
from kvdesk.gui import theme
from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import push_button, set_role, text_label
from kvdesk.gui.copy_button import CopyButton
from kvdesk.gui.own_language import error_words
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState


class ExportDialog(QDialog):
    """Target and shell above, the command in the middle, “Copy” below."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._shown: object = None
        self.setWindowTitle(self.tr("Export"))
        self.resize(820, 520)
        self.target_box = ChoiceBox(self.tr("Program"))
        self.target_box.setAccessibleName(self.tr("Program"))
        for target in TARGETS:
            self.target_box.addItem(target.title, target.name)
        self.shell_box = ChoiceBox(self.tr("Shell"))
        self.shell_box.setAccessibleName(self.tr("Shell"))
        for shell in SHELLS:
            self.shell_box.addItem(shell.title, shell.name)
        self.command = QPlainTextEdit()
        self.command.setReadOnly(True)
        self.command.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.command.document().setDocumentMargin(Space.MEDIUM)
        self.command.setFont(theme.current().font(TextSize.TABLE, code=True))
        self.command.setAccessibleName(self.tr("Command"))
        self.note = text_label(role="muted", size=TextSize.TABLE, wrap=True)
        self.copy_button = CopyButton(self.tr("Copy"), "primary")
        close = push_button(self.tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        self.copy_button.setDefault(True)
        self.target_box.currentIndexChanged.connect(self._render)
        self.shell_box.currentIndexChanged.connect(self._render)

        choices = QHBoxLayout()
        choices.setSpacing(Space.SMALL)
        choices.addWidget(text_label(self.tr("Launch command"), size=TextSize.TITLE, bold=True))
        choices.addStretch(1)
        choices.addWidget(self.target_box)
        choices.addWidget(self.shell_box)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.SMALL)
        buttons.addWidget(self.note, 1)
        buttons.addWidget(close)
        buttons.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        column.addLayout(choices)
        column.addWidget(self.command, 1)
        column.addLayout(buttons)
        self.copy_button.setFocus()
        self._render()

    def show_state(self, state: DeskState) -> None:
        """Follow the options while the dialog is open."""
        if (state.options, state.model) != self._shown:
            self._render()

    def _render(self) -> None:
        self._shown = (self._desk.state.options, self._desk.state.model)
        try:
            text = actions.export_text(
                self._desk, self.target_box.currentData(), self.shell_box.currentData()
            )
            note = self.tr("The options as chosen on the desk, in the program's own flags.")
        except KvDeskError as error:
            text, note = "", error_words(error)
        self.command.setPlainText(text)
        self.note.setText(note)
        set_role(self.note, role="muted" if text else "bad")
        self.copy_button.set_copied_text(text)
        self.copy_button.setEnabled(bool(text))
