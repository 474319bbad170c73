"""Takes over a launch that somebody posted: what of it is understood is shown while it is pasted."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from kvdesk.errors import ExportError, KvDeskError
from kvdesk.export.dialects.imported import Imported
from kvdesk.export.launches import read_launch
from kvdesk.gui import theme
from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import TextRole, push_button, size_window, text_label
from kvdesk.gui.own_language import error_words, translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.plan.options import OPTIONS
from kvdesk.plan.parse import flag_of, write_value
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.launching import is_model_there

_PAUSE_MS = 120  # a paste is one change, typing is many
_MOST_UNKNOWN = 20


class ImportDialog(QDialog):
    """The text on the left, what was understood on the right; “Apply” opens the model and its options."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self._desk = desk
        self.imported: Imported | None = None
        self.setWindowTitle(self.tr("Paste a launch"))
        size_window(self, 900, 540)
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(self.tr("Launch command or file"))
        self.text.setPlaceholderText("llama-server -m model.gguf -c 32768 -ctk q8_0 -ctv q8_0 -ngl 99")
        self.text.setFont(theme.current().font(TextSize.TABLE, code=True))
        self.text.document().setDocumentMargin(Space.MEDIUM)
        self.text.setTabChangesFocus(True)
        self.name_box = ChoiceBox(self.tr("Model of the file"))
        self.name_box.setAccessibleName(self.tr("Model of the file"))
        self.name_box.hide()
        self.found = QScrollArea()
        self.found.setWidgetResizable(True)
        self.found.setAccessibleName(self.tr("What was understood"))
        self.found.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.note = text_label(role="muted", size=TextSize.TABLE, wrap=True)
        self.apply_button = push_button(self.tr("Apply"), "primary")
        self.apply_button.setDefault(True)
        self.close_button = push_button(self.tr("Close"))
        self.close_button.setAutoDefault(False)
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.read)
        self.text.textChanged.connect(self._pause.start)
        self.name_box.activated.connect(self.read)
        self.apply_button.clicked.connect(self._apply)
        self.close_button.clicked.connect(self.reject)
        self._lay_out()
        self._take_clipboard()
        self.read()
        self.text.setFocus()

    def read(self) -> None:
        """Read the text as it is now and show what was understood."""
        self._pause.stop()
        text = self.text.toPlainText()
        self.imported, problem = None, ""
        if text.strip():
            try:
                self.imported = self._read_chosen(text)
            except KvDeskError as error:
                problem = error_words(error)
        self._show_names()
        self._show_result(problem)
        self._show_step()

    def _read_chosen(self, text: str) -> Imported:
        name = self.name_box.currentData() or ""
        try:
            return read_launch(text, name)
        except ExportError:
            if not name:
                raise
            return read_launch(text)  # another file, which does not have that name

    def _take_clipboard(self) -> None:
        """Begin with what was copied, if it is a launch."""
        text = QGuiApplication.clipboard().text()
        try:
            read_launch(text)
        except KvDeskError:
            return
        self.text.setPlainText(text)
        self.text.selectAll()

    def _show_names(self) -> None:
        names = self.imported.names if self.imported else ()
        if names != tuple(self.name_box.itemData(index) for index in range(self.name_box.count())):
            self.name_box.clear()
            for name in names:
                self.name_box.addItem(name, name)
        if self.imported and names:
            self.name_box.setCurrentIndex(names.index(self.imported.name))
        self.name_box.setVisible(bool(names))

    def _show_result(self, problem: str) -> None:
        content = QWidget()
        grid = QGridLayout(content)
        grid.setContentsMargins(Space.MEDIUM, Space.SMALL, Space.MEDIUM, Space.SMALL)
        grid.setHorizontalSpacing(Space.LARGE)
        grid.setVerticalSpacing(Space.SMALL)
        grid.setColumnStretch(1, 1)
        if self.imported is not None:
            self._fill(grid, self.imported)
        else:
            empty = self.tr(
                "A command of llama.cpp’s family, a models preset, a llama-swap or Compose file, a .kcpps, "
                "a systemd unit or a Modelfile. Nothing of it is executed."
            )
            grid.addWidget(_label(problem or empty, "bad" if problem else "muted"), 0, 0, 1, 2)
        grid.setRowStretch(grid.rowCount(), 1)
        self.found.setWidget(content)

    def _fill(self, grid: QGridLayout, imported: Imported) -> None:
        pairs = [(self.tr("Program"), imported.target), (self.tr("Model"), imported.model or "–")]
        for row in OPTIONS:
            value = getattr(imported.options, row.name)
            if value != row.default:
                pairs.append((translated(row.spec.label), f"{write_value(row, value)}   {flag_of(row)}"))
        for name, value in pairs:
            place = grid.rowCount()
            grid.addWidget(_label(name, "muted"), place, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(_label(value, "text"), place, 1)
        if imported.unknown:
            words = "\n".join(imported.unknown[:_MOST_UNKNOWN])
            if len(imported.unknown) > _MOST_UNKNOWN:
                words += "\n…"
            place = grid.rowCount()
            grid.addWidget(_label(self.tr("Left aside"), "muted"), place, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(_label(words, "muted"), place, 1)
        for note in imported.notes:
            grid.addWidget(_label(translated(note), "warn"), grid.rowCount(), 0, 1, 2)

    def _show_step(self) -> None:
        """Say what “Apply” will do, and whether it can."""
        is_there = self.imported is not None and is_model_there(self.imported.model)
        is_open = self._desk.state.model is not None
        if self.imported is None:
            text = ""
        elif is_there:
            text = self.tr("The model is opened with these options. Loading it is another step.")
        elif is_open:
            text = self.tr("The model named there is not on this computer: the open one takes the options.")
        else:
            text = self.tr("The model named there is not on this computer. Open one first.")
        self.note.setText(text)
        self.apply_button.setEnabled(self.imported is not None and (is_there or is_open))

    def _apply(self) -> None:
        if self.imported is not None:
            actions.take_launch(self._desk, self.imported.model, self.imported.options)
            self.accept()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(text_label(self.tr("Paste a launch"), size=TextSize.TITLE, bold=True))
        head.addStretch(1)
        head.addWidget(self.name_box)
        body = QHBoxLayout()
        body.setSpacing(Space.MEDIUM)
        body.addWidget(self.text, 1)
        body.addWidget(self.found, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.SMALL)
        buttons.addWidget(self.note, 1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.apply_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        column.addLayout(head)
        column.addLayout(body, 1)
        column.addLayout(buttons)


def _label(text: str, role: TextRole) -> QLabel:
    label = text_label(text, role, TextSize.TABLE, wrap=True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
