"""The window is made again for another language, and its data moved to another folder, without a restart."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from kvdesk.gui import run, theme
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.moving_dialog import MovingDialog
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.session import actions
from kvdesk.settings.places import HOME_VARIABLE, find_places
from tests.gui import fakes


@pytest.fixture
def shell(
    qtbot: QtBot, qapp: QApplication, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> run.Shell:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setattr(run, "start", lambda *_: None)
    monkeypatch.setattr(MainWindow, "start", lambda self: None)
    made = run.Shell(qapp, lambda: desk)
    yield made
    made._give_up_next()
    made.window.leave()
    made.deleteLater()


def test_another_language_keeps_the_desk_and_the_frame(
    shell: run.Shell, desk: fakes.FakeDesk, qtbot: QtBot
) -> None:
    before = shell.window
    before.resize(1280, 700)
    before.toggle_chats()
    before.others.show_settings()
    before.findChild(SettingsDialog).renewWanted.emit()
    assert shell.window is before  # it is there until the other is whole
    qtbot.waitUntil(lambda: shell.window is not before and shell.window.findChild(SettingsDialog) is not None)
    assert shell.window.isVisible()
    assert shell.window.chats.isHidden()
    assert shell.window.findChild(SettingsDialog).isVisible()
    assert not isValid(before)
    assert ("close",) not in desk.calls
    shell.window.findChild(SettingsDialog).reject()


def heights_in(window: MainWindow) -> list[int]:
    slider = window.desk_panel.context.slider
    return [slider.sizeHint().height(), window.top_bar.minimumHeight()]


def test_another_size_of_text_makes_all_that_has_text_larger(
    shell: run.Shell, desk: fakes.FakeDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        actions, "set_setting", lambda desk, name, value: desk.change_settings(**{name: value})
    )
    before = shell.window
    heights = heights_in(before)
    qtbot.keyClick(before, Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: shell.window is not before)
    assert desk.settings.text_percent == 110
    for _ in range(9):  # to the largest, and no further
        shell.window.resize_text(1)
    qtbot.waitUntil(lambda: not isValid(before) and shell._next is None)
    window = shell.window
    assert window is not before
    assert desk.settings.text_percent == 200
    assert theme.current().font().pixelSize() == 26
    assert heights_in(window) == [2 * height for height in heights]
    shell.window.resize_text(-1)
    assert desk.settings.text_percent == 175
    shell.window.resize_text(0)
    assert desk.settings.text_percent == 100
    qtbot.waitUntil(lambda: not isValid(window))
    assert heights_in(shell.window) == heights


def test_the_data_is_moved_between_two_windows(
    shell: run.Shell, desk: fakes.FakeDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    old = find_places()
    old.ledger.parent.mkdir(parents=True)
    old.ledger.write_text("{}\n")
    before = shell.window
    shell.window.moveWanted.emit(str(tmp_path / "other"))
    qtbot.waitUntil(lambda: shell.window is not before, timeout=10_000)
    assert desk.calls == [("close",)]
    assert find_places().ledger.parent == tmp_path / "other"
    assert shell.window.isVisible()


def test_why_it_could_not_be_moved_is_told(
    shell: run.Shell, desk: fakes.FakeDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    told: list[Exception] = []
    desk.report = told.append
    before = shell.window
    shell.window.moveWanted.emit(str(tmp_path / "file"))
    qtbot.waitUntil(lambda: shell.window is not before, timeout=10_000)
    assert "could not be moved" in str(told[0])


def test_a_move_that_is_stopped_says_so_to_the_mover(qtbot: QtBot) -> None:
    def move(tell: object) -> None:
        while tell(1, 2):
            pass

    dialog = MovingDialog(move, Path("/x"))
    qtbot.addWidget(dialog)
    dialog.start()
    dialog.stop_button.click()
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=10_000)
    assert dialog.error is None
