"""Shows every load on this machine: its launch, what it took beside what was planned, what became of it."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, size_window, text_label
from kvdesk.gui.copy_button import CopyButton
from kvdesk.gui.figures_table import figures_table
from kvdesk.gui.ledger_items import LedgerItems
from kvdesk.gui.own_language import translated
from kvdesk.gui.theme import Space, TextSize
from kvdesk.plan.journal import find_loads
from kvdesk.plan.load_record import LoadRecord
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import DeskState

_MODEL, _DEVICE = 1, 4  # the columns that give way
_ROW_HEIGHT = 26
FILE_NAME = "kvdesk-ledger.csv"


class LedgerDialog(QDialog):
    """A search and what the table means above it; below it “Copy the launch”, “Export CSV…” and “Clear…”."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self._desk = desk
        self._shown: tuple[LoadRecord, ...] | None = None
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search: a model, a flag, “failed”, a date"))
        self.search.setAccessibleName(self.tr("Search the loads"))
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(theme.px(300))
        self.search.textChanged.connect(self._fill)
        self.copy_button = CopyButton(self.tr("Copy the launch"))
        self.copy_button.setToolTip(self.tr("The chosen load as a llama-server command, on one line"))
        self.copy_button.setAutoDefault(False)
        self.setWindowTitle(self.tr("Ledger"))
        size_window(self, 980, 480)
        self.items = LedgerItems()
        self.table = self._make_table()
        self.table.selectionModel().currentRowChanged.connect(self._show_command)
        self.nothing = text_label(role="muted")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.report_button = push_button(self.tr("Save a report…"))
        self.report_button.setToolTip(
            self.tr("The chosen load as one HTML or Markdown file that can be sent")
        )
        self.report_button.setAutoDefault(False)
        self.report_button.clicked.connect(self._choose_report)
        self.chat_box = QCheckBox(self.tr("with the conversation"))
        self.chat_box.setToolTip(self.tr("Puts the text of the open conversation into the report"))
        self.export_button = push_button(self.tr("Export CSV…"))
        self.clear_button = push_button(self.tr("Clear…"))
        self.close_button = push_button(self.tr("Close"), "primary")
        self.question_text = text_label("", size=TextSize.TABLE, wrap=True)
        self.forget_button = push_button(self.tr("Forget them"), "danger", TextSize.TABLE)
        self.keep_button = push_button(self.tr("Keep"), size=TextSize.TABLE)
        self.question = self._make_question()
        for button in (self.export_button, self.clear_button, self.forget_button, self.keep_button):
            button.setAutoDefault(False)
        self.close_button.setDefault(True)
        self.export_button.clicked.connect(self._choose_file)
        self.clear_button.clicked.connect(self._ask)
        self.forget_button.clicked.connect(self._forget)
        self.keep_button.clicked.connect(self._keep)
        self.close_button.clicked.connect(self.accept)
        self._lay_out()
        self.show_state(desk.state)
        self.close_button.setFocus()

    def show_state(self, state: DeskState) -> None:
        """Show the ledger as it is now."""
        if state.ledger is self._shown:
            return
        self._shown = state.ledger
        self.export_button.setEnabled(bool(state.ledger))
        self.clear_button.setEnabled(bool(state.ledger))
        self.search.setEnabled(bool(state.ledger))
        self.question.hide()
        self._fill()

    def _fill(self) -> None:
        """Show the loads that are looked for."""
        records = self._shown or ()
        self.items.show_records(find_loads(records, self.search.text()))
        has_rows = self.items.rowCount() > 0
        self.table.setVisible(has_rows)
        self.nothing.setText(
            self.tr("No load has all of these words.")
            if records
            else self.tr("No load has been written down yet. Load a model to measure one.")
        )
        self.nothing.setVisible(not has_rows)
        if has_rows:
            self.table.selectRow(0)
        self._show_command()

    @property
    def chosen(self) -> LoadRecord | None:
        """The load in the chosen row."""
        return self.items.record(self.table.currentIndex().row())

    def _show_command(self) -> None:
        command = self.chosen.command if self.chosen is not None else ""
        self.report_button.setEnabled(self.chosen is not None)
        self.copy_button.set_copied_text(command)
        self.copy_button.setEnabled(bool(command))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Esc answers the question before it closes the dialog."""
        if event.key() == Qt.Key.Key_Escape and self.question.isVisible():
            self._keep()
        else:
            super().keyPressEvent(event)

    def _make_table(self) -> QTableView:
        return figures_table(
            self.items, self.tr("Loads on this machine"), _ROW_HEIGHT, wide=(_MODEL, _DEVICE)
        )

    def _make_question(self) -> QFrame:
        question = QFrame()
        question.setProperty("surface", "error")
        row = QHBoxLayout(question)
        row.setContentsMargins(Space.MEDIUM, Space.SMALL, Space.MEDIUM, Space.SMALL)
        row.setSpacing(Space.SMALL)
        row.addWidget(self.question_text, 1)
        row.addWidget(self.keep_button)
        row.addWidget(self.forget_button)
        question.hide()
        return question

    def _lay_out(self) -> None:
        about = self.tr(
            "What each load took of a device, in MiB, pages of mapped files aside. The largest difference of "
            "the last ten loads with the same driver and llama.cpp is added to the next plan on that device."
        )
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.SMALL)
        buttons.addWidget(self.copy_button)
        buttons.addWidget(self.report_button)
        buttons.addWidget(self.chat_box)
        buttons.addWidget(self.export_button)
        buttons.addWidget(self.clear_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        head = QHBoxLayout()
        head.addWidget(text_label(self.tr("Ledger of loads"), size=TextSize.TITLE, bold=True))
        head.addStretch(1)
        head.addWidget(self.search)
        column.addLayout(head)
        column.addWidget(text_label(about, "muted", TextSize.TABLE, wrap=True))
        column.addWidget(self.table, 1)
        column.addWidget(self.nothing, 1)
        column.addWidget(self.question)
        column.addLayout(buttons)

    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Export the ledger"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([self.tr("Tables (*.csv)"), self.tr("All files (*)")])
        dialog.setDefaultSuffix("csv")
        dialog.selectFile(FILE_NAME)
        dialog.fileSelected.connect(self.export_to)
        dialog.open()

    def _choose_report(self) -> None:
        dialog = QFileDialog(self, self.tr("Save a report"))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([self.tr("Web pages (*.html)"), self.tr("Markdown (*.md)")])
        dialog.setDefaultSuffix("html")
        dialog.selectFile("kvdesk-report.html")
        dialog.fileSelected.connect(self.report_to)
        dialog.open()

    def report_to(self, path: str) -> None:
        """Write the chosen load to a file."""
        if self.chosen is not None:
            has_chat = self.chat_box.isChecked()
            actions.save_report(self._desk, self.chosen, Path(path), translated, has_chat=has_chat)

    def export_to(self, path: str) -> None:
        """Write the table to a file."""
        actions.export_ledger(self._desk, Path(path))

    def _ask(self) -> None:
        text = self.tr("Forget all {count} loads? The next plans then count with the built-in figures again.")
        self.question_text.setText(text.format(count=len(self._shown or ())))
        self.question.show()
        self.keep_button.setFocus()

    def _keep(self) -> None:
        self.question.hide()
        self.clear_button.setFocus()

    def _forget(self) -> None:
        actions.clear_ledger(self._desk)
        self.question.hide()
        self.close_button.setFocus()
