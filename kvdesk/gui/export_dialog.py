"""Shows the launch of the chosen options for another program, ready to be copied or saved."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from kvdesk.errors import KvDeskError
from kvdesk.export import TARGETS, Written, file_name, target
from kvdesk.export.explain import table
from kvdesk.export.exporter import Exporter, Group
from kvdesk.export.shells import BY_NAME, SHELLS
from kvdesk.gui import theme
from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import push_button, set_role, size_window, text_label
from kvdesk.gui.copy_button import CopyButton
from kvdesk.gui.own_language import error_words, translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState

_NAME = Qt.ItemDataRole.UserRole
_LIST_WIDTH = 250


class ExportDialog(QDialog):
    """Targets on the left, the text on the right, below it what the target cannot say."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self._desk = desk
        self._shown: object = None
        self.setWindowTitle(self.tr("Export"))
        size_window(self, 1000, 700)
        self.target_list = QListWidget()
        self.target_list.setAccessibleName(self.tr("Program"))
        self.target_list.setFixedWidth(theme.px(_LIST_WIDTH))
        self.target_list.setFont(theme.current().font(TextSize.TABLE))
        self._fill_list()
        self.shell_box = ChoiceBox(self.tr("Shell"))
        self.shell_box.setAccessibleName(self.tr("Shell"))
        for shell in SHELLS:
            self.shell_box.addItem(shell.title, shell.name)
        self.command = _code_box(self.tr("Command"))
        self.reasons = _code_box(self.tr("What each setting does"))
        self.note = text_label(role="muted", size=TextSize.TABLE, wrap=True)
        self.copy_button = CopyButton(self.tr("Copy"), "primary")
        self.save_button = push_button(self.tr("Save as…"))
        self.save_button.setAutoDefault(False)
        close = push_button(self.tr("Close"))
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        self.copy_button.setDefault(True)
        self.save_button.clicked.connect(self._choose_file)
        self.target_list.currentItemChanged.connect(self._render)
        self.shell_box.currentIndexChanged.connect(self._render)
        self._lay_out(close)
        self.copy_button.setFocus()
        self._render()

    @property
    def target(self) -> Exporter:
        """The target that is shown."""
        return target(self.target_list.currentItem().data(_NAME))

    def choose(self, name: str) -> None:
        """Show a target by its name."""
        for row in range(self.target_list.count()):
            if self.target_list.item(row).data(_NAME) == name:
                self.target_list.setCurrentRow(row)

    def show_state(self, state: DeskState) -> None:
        """Follow the options while the dialog is open."""
        if (state.options, state.model) != self._shown:
            self._render()

    def save_to(self, path: str) -> None:
        """Write the text to a file, and say whether that was possible."""
        try:
            Path(path).write_text(self.command.toPlainText(), encoding="utf-8")
        except OSError as error:
            self._say(
                self.tr("{path} cannot be written: {why}.").format(path=path, why=error.strerror), "bad"
            )
        else:
            self._say(self.tr("Saved as {path}.").format(path=path), "good")

    def _fill_list(self) -> None:
        groups: tuple[tuple[Group, str], ...] = (
            ("llama.cpp", self.tr("llama.cpp's own programs")),
            ("program", self.tr("Programs on llama.cpp")),
            ("engine", self.tr("Other engines: the nearest")),
        )
        for group, title in groups:
            heading = QListWidgetItem(title)
            heading.setFlags(Qt.ItemFlag.NoItemFlags)
            heading.setFont(theme.current().font(TextSize.NOTE, bold=True))
            self.target_list.addItem(heading)
            for exporter in TARGETS:
                if exporter.group == group:
                    item = QListWidgetItem(exporter.title)
                    item.setData(_NAME, exporter.name)
                    self.target_list.addItem(item)
        self.target_list.setCurrentRow(1)

    def _lay_out(self, close: QWidget) -> None:
        head = QHBoxLayout()
        head.setSpacing(Space.SMALL)
        head.addWidget(text_label(self.tr("Launch command"), size=TextSize.TITLE, bold=True))
        head.addStretch(1)
        head.addWidget(self.shell_box)
        texts = QVBoxLayout()
        texts.setSpacing(Space.SMALL)
        texts.addWidget(self.command, 2)
        texts.addWidget(self.reasons, 1)
        texts.addWidget(self.note)
        middle = QHBoxLayout()
        middle.setSpacing(Space.MEDIUM)
        middle.addWidget(self.target_list)
        middle.addLayout(texts, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.SMALL)
        buttons.addStretch(1)
        for button in (close, self.save_button, self.copy_button):
            buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        column.addLayout(head)
        column.addLayout(middle, 1)
        column.addLayout(buttons)

    def _render(self) -> None:
        self._shown = (self._desk.state.options, self._desk.state.model)
        try:
            written = actions.exported(self._desk, self.target.name, self.shell_box.currentData())
        except KvDeskError as error:
            written = Written("", (), ())
            self._say(error_words(error), "bad")
        else:
            warnings = [
                f"{translated(warning.message)} {translated(warning.hint)}" for warning in written.warnings
            ]
            note = self.tr("The options as chosen on the desk, in the program's own words.")
            self._say("\n".join(warnings) or note, "warn" if warnings else "muted")
        self.shell_box.setVisible(self.target.uses_shell)
        self.command.setPlainText(written.text)
        self.reasons.setPlainText("\n".join(table(written.unexplained, widest=66)))
        self.reasons.setVisible(bool(written.unexplained))
        self.copy_button.set_copied_text(written.text)
        for button in (self.copy_button, self.save_button):
            button.setEnabled(bool(written.text))

    def _say(self, text: str, role: str) -> None:
        self.note.setText(text)
        set_role(self.note, role=role)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the launch"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.selectFile(file_name(self.target, BY_NAME[self.shell_box.currentData()]))
        dialog.fileSelected.connect(self.save_to)
        dialog.open()


def _code_box(name: str) -> QPlainTextEdit:
    box = QPlainTextEdit()
    box.setReadOnly(True)
    box.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
    box.document().setDocumentMargin(Space.MEDIUM)
    box.setFont(theme.current().font(TextSize.TABLE, code=True))
    box.setAccessibleName(name)
    return box
