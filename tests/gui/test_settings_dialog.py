"""The settings dialog: a control for each row, taken at once."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.settings.rows import SETTINGS
from kvdesk.units import GIB
from tests.gui import fakes


@pytest.fixture
def dialog(qtbot: QtBot, desk: fakes.FakeDesk) -> SettingsDialog:
    widget = SettingsDialog(desk)  # type: ignore[arg-type]
    qtbot.addWidget(widget)
    return widget


def entry_of(dialog: SettingsDialog) -> QLineEdit:
    control = dialog.controls["reserve_bytes"]
    assert isinstance(control, QLineEdit)
    return control


def test_every_setting_with_a_label_has_a_named_control(dialog: SettingsDialog) -> None:
    assert dialog.controls.keys() == {row.name for row in SETTINGS if row.spec.label}
    assert all(control.accessibleName() and control.toolTip() for control in dialog.controls.values())


def test_the_theme_changes_at_once(qtbot: QtBot, dialog: SettingsDialog, desk: fakes.FakeDesk) -> None:
    box = dialog.controls["theme"]
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findData("dark"))
    box.activated.emit(box.currentIndex())
    assert desk.calls == [("set_setting", "theme", "dark")]
    assert theme.current().is_dark


@pytest.mark.parametrize(("text", "size"), [("2GiB", 2 * GIB), ("1024", GIB), ("1,024 MiB", GIB)])
def test_a_size_is_read(
    qtbot: QtBot, dialog: SettingsDialog, desk: fakes.FakeDesk, text: str, size: int
) -> None:
    entry = entry_of(dialog)
    entry.selectAll()
    qtbot.keyClicks(entry, text)
    qtbot.keyClick(entry, Qt.Key.Key_Return)
    assert desk.calls == [("set_setting", "reserve_bytes", size)]


def test_what_is_no_size_is_told_and_not_taken(
    qtbot: QtBot, dialog: SettingsDialog, desk: fakes.FakeDesk
) -> None:
    entry = entry_of(dialog)
    entry.selectAll()
    qtbot.keyClicks(entry, "some")
    qtbot.keyClick(entry, Qt.Key.Key_Return)
    assert desk.calls == []
    assert "some" in dialog.problem.text()
    assert entry.property("refused") == "true"
