"""The export dialog shows and copies what the exporter says."""

from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kvdesk.export import TARGETS
from kvdesk.export.shells import SHELLS
from kvdesk.gui.export_dialog import ExportDialog
from tests.gui import fakes


@pytest.fixture
def real_desk() -> fakes.FakeDesk:
    """A desk whose export is the real one."""
    desk = fakes.FakeDesk(fakes.qwen_opened())
    desk.opened = SimpleNamespace(card=fakes.QWEN, shape=None)
    return desk


@pytest.fixture
def dialog(qtbot: QtBot, real_desk: fakes.FakeDesk) -> ExportDialog:
    widget = ExportDialog(real_desk)  # type: ignore[arg-type]
    qtbot.addWidget(widget)
    return widget


def test_the_command_has_the_chosen_options_and_is_copied(dialog: ExportDialog, qapp: QApplication) -> None:
    text = dialog.command.toPlainText()
    assert "\nllama-server" in text
    assert "Qwen3-8B-Q4_K_M.gguf" in text
    assert "q8_0" in text
    assert "32768" in text
    dialog.copy_button.click()
    assert qapp.clipboard().text() == text
    assert dialog.copy_button.text() == "Copied"


def test_every_shell_and_target_can_be_chosen(dialog: ExportDialog) -> None:
    assert dialog.target_box.count() == len(TARGETS)
    texts = set()
    for index in range(len(SHELLS)):
        dialog.shell_box.setCurrentIndex(index)
        texts.add(dialog.command.toPlainText())
    assert len(texts) == len(SHELLS)


def test_it_follows_the_options(dialog: ExportDialog, real_desk: fakes.FakeDesk) -> None:
    real_desk.state = fakes.qwen_over()
    dialog.show_state(real_desk.state)
    assert "40960" in dialog.command.toPlainText()


def test_without_a_model_it_says_so(qtbot: QtBot) -> None:
    widget = ExportDialog(fakes.FakeDesk())  # type: ignore[arg-type]
    qtbot.addWidget(widget)
    assert widget.command.toPlainText() == ""
    assert "No model is open" in widget.note.text()
    assert not widget.copy_button.isEnabled()
