"""The ledger in the window: a row for each device of each load, exported, cleared once it was confirmed."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.desk_panel import DeskPanel
from kvdesk.gui.ledger_dialog import LedgerDialog
from kvdesk.gui.ledger_items import LedgerItems
from tests.gui import fakes


@pytest.fixture
def dialog(qtbot: QtBot, desk: fakes.FakeDesk) -> LedgerDialog:
    desk.state = replace(desk.state, ledger=fakes.ledger())
    widget = LedgerDialog(desk)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def texts(items: LedgerItems) -> list[list[str]]:
    return [
        [str(items.index(row, column).data()) for column in range(items.columnCount())]
        for row in range(items.rowCount())
    ]


def test_the_latest_load_comes_first_with_a_row_for_each_device(dialog: LedgerDialog) -> None:
    rows = texts(dialog.items)
    assert len(rows) == 6
    assert rows[0][1:] == [
        "Qwen3-8B",
        "32,768",
        "q8_0 / q8_0",
        "RTX 4060 Laptop",
        "7,220",
        "7,224",
        "7,402",
        "+178",
    ]
    assert rows[1][4:] == ["This computer", "96", "96", "91", "-5"]
    assert rows[0][0] > rows[2][0] > rows[4][0]


def test_a_failed_load_says_so_in_the_colour_of_errors_and_why_beside_it(dialog: LedgerDialog) -> None:
    measured = dialog.items.index(2, 7)
    assert measured.data() == "failed"
    assert measured.data(Qt.ItemDataRole.ForegroundRole) == theme.colour("bad")
    assert "no room for 4,455 MiB" in measured.data(Qt.ItemDataRole.ToolTipRole)


def test_each_cell_says_its_column_to_those_who_listen_and_its_buffers_in_the_tooltip(
    dialog: LedgerDialog,
) -> None:
    cell = dialog.items.index(0, 7)
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == "Measured: 7,402"
    assert "K cache: 1,224 · 1,224 · 1,224" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert "driver 580.95.05" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert dialog.table.accessibleName()


def test_clearing_asks_first(qtbot: QtBot, dialog: LedgerDialog, desk: fakes.FakeDesk) -> None:
    dialog.clear_button.click()
    assert dialog.question.isVisible()
    assert "3 loads" in dialog.question_text.text()
    assert desk.calls == []
    dialog.forget_button.click()
    assert desk.calls == [("clear_ledger",)]
    assert not dialog.question.isVisible()
    dialog.show_state(replace(desk.state, ledger=()))
    assert dialog.nothing.isVisible()
    assert not dialog.clear_button.isEnabled()
    assert not dialog.export_button.isEnabled()


def test_esc_keeps_the_loads_and_only_then_closes(
    qtbot: QtBot, dialog: LedgerDialog, desk: fakes.FakeDesk
) -> None:
    dialog.clear_button.click()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.question.isVisible()
    assert dialog.isVisible()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert desk.calls == []


def test_the_chosen_file_is_written_to(
    qtbot: QtBot, dialog: LedgerDialog, desk: fakes.FakeDesk, tmp_path: Path
) -> None:
    dialog.export_button.click()
    chooser = dialog.findChild(QFileDialog)
    assert chooser is not None
    assert chooser.acceptMode() is QFileDialog.AcceptMode.AcceptSave
    chooser.fileSelected.emit(str(tmp_path / "loads.csv"))
    chooser.close()
    assert desk.calls == [("export_ledger", tmp_path / "loads.csv")]


def test_a_load_that_is_written_down_while_it_is_open_appears(
    dialog: LedgerDialog, desk: fakes.FakeDesk
) -> None:
    dialog.show_state(replace(desk.state, ledger=(*desk.state.ledger, fakes.load_record(4))))
    assert dialog.items.rowCount() == 8


def test_loads_are_searched_and_their_launch_copied(
    qtbot: QtBot, dialog: LedgerDialog, desk: fakes.FakeDesk, qapp: QApplication
) -> None:
    assert not dialog.copy_button.isEnabled()  # these were written before launches were noted
    with_command = msgspec.structs.replace(fakes.load_record(4), command="llama-server --model ~/a.gguf")
    cancelled = msgspec.structs.replace(fakes.load_record(5), is_cancelled=True, devices=())
    dialog.show_state(replace(desk.state, ledger=(*desk.state.ledger, with_command, cancelled)))
    assert dialog.items.index(0, 7).data() == "called off"
    qtbot.keyClicks(dialog.search, "failed")
    assert dialog.items.rowCount() == 2
    dialog.search.setText("~/a.gguf")
    assert dialog.items.rowCount() == 2
    dialog.copy_button.click()
    assert qapp.clipboard().text() == "llama-server --model ~/a.gguf"
    dialog.search.setText("nothing like it")
    assert dialog.nothing.isVisible()
    assert "these words" in dialog.nothing.text()
    assert not dialog.copy_button.isEnabled()


def test_the_chosen_load_is_reported_without_the_conversation_unless_ticked(
    dialog: LedgerDialog, desk: fakes.FakeDesk, tmp_path: Path
) -> None:
    assert not dialog.chat_box.isChecked()
    dialog.report_button.click()
    chooser = dialog.findChild(QFileDialog)
    assert chooser is not None
    chooser.fileSelected.emit(str(tmp_path / "a.html"))
    chooser.close()
    assert desk.calls[0][:3] == ("save_report", fakes.ledger()[-1], tmp_path / "a.html")


def test_the_desk_leads_to_it(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    panel = DeskPanel(desk)
    qtbot.addWidget(panel)
    assert panel.ledger_button.accessibleName()
    with qtbot.waitSignal(panel.ledgerWanted):
        panel.ledger_button.click()
