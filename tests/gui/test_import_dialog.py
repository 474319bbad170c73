"""The import dialog shows what it understands of a launch as it is pasted, and takes it over."""

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from kvdesk.gui.import_dialog import ImportDialog
from kvdesk.gui.main_window import MainWindow
from kvdesk.plan.options import LoadOptions
from tests.gui import fakes

SWAP = (
    "models:\n  one: {cmd: llama-server -m /m/one.gguf}\n  two: {cmd: llama-server -m /m/two.gguf -c 2048}\n"
)


@pytest.fixture
def dialog(qtbot: QtBot, desk: fakes.FakeDesk, qapp: QApplication) -> ImportDialog:
    qapp.clipboard().setText("something else")
    widget = ImportDialog(desk)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def shown(dialog: ImportDialog) -> str:
    return "\n".join(label.text() for label in dialog.found.widget().findChildren(QLabel))


def paste(qtbot: QtBot, dialog: ImportDialog, text: str) -> None:
    before = dialog.found.widget()
    dialog.text.setPlainText(text)
    qtbot.waitUntil(lambda: dialog.found.widget() is not before)


def test_options_the_rest_and_notes_are_shown_while_pasting(qtbot: QtBot, dialog: ImportDialog) -> None:
    assert "Nothing of it is executed" in shown(dialog)
    assert not dialog.apply_button.isEnabled()
    paste(qtbot, dialog, "llama-server -m /nowhere/a.gguf -c 32k -ctk q8_0 --jinja")
    text = shown(dialog)
    for part in ("llama-server", "/nowhere/a.gguf", "32768   --ctx-size", "q8_0", "--jinja", "4 slots"):
        assert part in text
    paste(qtbot, dialog, "llama-server -ctk q3")
    assert "q3" in shown(dialog)
    assert not dialog.apply_button.isEnabled()


def test_what_is_applied_to_the_open_model(qtbot: QtBot, dialog: ImportDialog, desk: fakes.FakeDesk) -> None:
    desk.state = fakes.qwen_opened()
    paste(qtbot, dialog, "llama-cli -m /nowhere/a.gguf -c 4096")
    assert "not on this computer" in dialog.note.text()
    dialog.apply_button.click()
    assert desk.calls == [("take_launch", "/nowhere/a.gguf", LoadOptions(ctx_size=4096))]
    assert not dialog.isVisible()


def test_a_model_that_is_there_is_opened(qtbot: QtBot, dialog: ImportDialog, tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    path.touch()
    paste(qtbot, dialog, f"llama-cli -m '{path}'")
    assert "is opened" in dialog.note.text()
    assert dialog.apply_button.isEnabled()


def test_one_of_several_models_is_chosen(qtbot: QtBot, dialog: ImportDialog) -> None:
    assert not dialog.name_box.isVisible()
    paste(qtbot, dialog, SWAP)
    assert [dialog.name_box.itemText(index) for index in range(2)] == ["one", "two"]
    dialog.name_box.setCurrentIndex(1)
    dialog.name_box.activated.emit(1)
    assert dialog.imported is not None
    assert (dialog.imported.model, dialog.imported.options.ctx_size) == ("/m/two.gguf", 2048)
    paste(qtbot, dialog, "llama-cli -m a.gguf")
    assert not dialog.name_box.isVisible()


def test_a_copied_launch_is_there_already(qtbot: QtBot, desk: fakes.FakeDesk, qapp: QApplication) -> None:
    qapp.clipboard().setText("llama-cli -m a.gguf -c 4096")
    widget = ImportDialog(desk)
    qtbot.addWidget(widget)
    assert widget.imported is not None
    assert widget.imported.options.ctx_size == 4096


def test_the_window_leads_to_it(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    window = MainWindow(desk)
    qtbot.addWidget(window)
    window.desk_panel.card.importWanted.emit()
    window.start()
    qtbot.waitUntil(lambda: window.findChild(ImportDialog) is not None)
