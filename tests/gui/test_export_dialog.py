"""The export dialog shows and copies what the exporter says."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt
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
    widget = ExportDialog(real_desk)
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


def test_every_target_can_be_chosen_and_has_a_text(dialog: ExportDialog) -> None:
    texts = set()
    for target in TARGETS:
        dialog.choose(target.name)
        assert dialog.target == target
        assert dialog.shell_box.isHidden() is not target.uses_shell
        assert dialog.reasons.isHidden() is target.has_comments
        texts.add(dialog.command.toPlainText())
    assert len(texts) == len(TARGETS)
    assert "" not in texts


def test_headings_cannot_be_chosen(dialog: ExportDialog) -> None:
    items = [dialog.target_list.item(row) for row in range(dialog.target_list.count())]
    assert sum(item.flags() == Qt.ItemFlag.NoItemFlags for item in items) == len(items) - len(TARGETS)


def test_every_shell_can_be_chosen(dialog: ExportDialog) -> None:
    texts = set()
    for index in range(len(SHELLS)):
        dialog.shell_box.setCurrentIndex(index)
        texts.add(dialog.command.toPlainText())
    assert len(texts) == len(SHELLS)


def test_what_a_target_cannot_say_is_shown(dialog: ExportDialog) -> None:
    dialog.choose("ollama")
    assert "one cache type" in dialog.note.text()
    dialog.choose("llama-server")
    assert "program's own words" in dialog.note.text()


def test_the_text_is_saved_and_a_failure_said(dialog: ExportDialog, tmp_path: Path) -> None:
    dialog.choose("lm-studio")
    dialog.save_to(str(tmp_path / "a.json"))
    assert (tmp_path / "a.json").read_text("utf-8") == dialog.command.toPlainText()
    dialog.save_to(str(tmp_path / "none" / "a.json"))
    assert "cannot be written" in dialog.note.text()


def test_it_follows_the_options(dialog: ExportDialog, real_desk: fakes.FakeDesk) -> None:
    real_desk.state = fakes.qwen_over()
    dialog.show_state(real_desk.state)
    assert "40960" in dialog.command.toPlainText()


def test_without_a_model_it_says_so(qtbot: QtBot) -> None:
    widget = ExportDialog(fakes.FakeDesk())
    qtbot.addWidget(widget)
    assert widget.command.toPlainText() == ""
    assert "No model is open" in widget.note.text()
    assert not widget.copy_button.isEnabled()
