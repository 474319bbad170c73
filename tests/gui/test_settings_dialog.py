"""The settings dialog: a control for each row, taken at once."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from kvdesk.gui import setting_control, theme
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.settings.rows import SETTINGS
from kvdesk.units import GIB
from tests.gui import fakes


@pytest.fixture
def dialog(qtbot: QtBot, desk: fakes.FakeDesk) -> SettingsDialog:
    widget = SettingsDialog(desk)
    qtbot.addWidget(widget)
    fakes.fill(widget)
    return widget


def entry_of(dialog: SettingsDialog) -> QLineEdit:
    control = dialog.controls["reserve_bytes"]
    assert isinstance(control, QLineEdit)
    return control


def test_it_is_filled_after_it_was_opened(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    widget = SettingsDialog(desk)
    qtbot.addWidget(widget)
    labelled = sum(bool(row.spec.label) for row in SETTINGS)
    assert 0 < len(widget.rows) < labelled
    qtbot.waitUntil(lambda: len(widget.rows) == labelled)


def test_a_search_finds_what_is_not_made_yet(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    widget = SettingsDialog(desk)
    qtbot.addWidget(widget)
    last = [row.name for row in SETTINGS if row.spec.label][-1]
    widget.search.setText(last)
    assert not widget.rows[last].isHidden()


def test_a_setting_is_found_by_its_english_name_in_any_language(
    qtbot: QtBot, dialog: SettingsDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setting_control, "translated", lambda text: f"译{len(str(text))}")
    widget = SettingsDialog(dialog._desk)
    qtbot.addWidget(widget)
    widget.search.setText("context full")
    assert not widget.rows["overflow"].isHidden()
    assert widget.rows["theme"].isHidden()


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


def test_a_search_leaves_what_has_every_word(qtbot: QtBot, dialog: SettingsDialog) -> None:
    dialog.show()
    qtbot.keyClicks(dialog.search, "disk PARK")
    assert {name for name, row in dialog.rows.items() if row.isVisible()} == {"park", "park_quota_bytes"}
    dialog.search.setText("简体")
    assert [name for name, row in dialog.rows.items() if row.isVisible()] == ["language"]
    dialog.search.setText("no such thing")
    assert dialog._none_found.isVisible()
    dialog.search.setText("data folder")
    assert dialog.folder.isVisible()
    assert not dialog._none_found.isVisible()


def test_defaults_are_shown_and_a_click_away(
    qtbot: QtBot, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.change_settings(reserve_bytes=2 * GIB, overflow="roll")
    dialog = SettingsDialog(desk)
    qtbot.addWidget(dialog)
    fakes.fill(dialog)
    changed = [name for name, row in dialog.rows.items() if not row.reset_button.isHidden()]
    assert changed == ["reserve_bytes", "overflow"]
    assert "512 MiB" in dialog.rows["reserve_bytes"]._default.text()
    dialog.rows["overflow"].reset_button.click()
    assert desk.calls == [("set_setting", "overflow", "stop")]
    dialog.reset_button.click()
    assert desk.calls[1:] == [("set_setting", "reserve_bytes", GIB // 2)]
    assert entry_of(dialog).text() == "512 MiB"
    assert all(row.reset_button.isHidden() for row in dialog.rows.values())


def test_the_folder_is_shown_and_a_move_asked_about_in_place(
    qtbot: QtBot, dialog: SettingsDialog, desk: fakes.FakeDesk
) -> None:
    dialog.show()
    assert dialog.folder.path.text() == str(desk.data_folder)
    dialog.folder.ask("/mnt/large")
    assert "/mnt/large" in dialog.folder.question.text()
    with qtbot.waitSignal(dialog.moveWanted) as asked:
        dialog.folder.yes_button.click()
    assert asked.args == ["/mnt/large"]


def test_the_page_says_that_nothing_is_sent(dialog: SettingsDialog) -> None:
    assert any("Nothing is sent anywhere" in label.text() for label in dialog.findChildren(QLabel))
