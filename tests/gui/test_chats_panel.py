"""The list of conversations: grouping, search, opening, renaming, deleting, by mouse and by keyboard."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from kvdesk.gui.chat_items import CHAT_ROLE, EXCERPT_ROLE, OPEN_ROLE, ChatItems, arrange, day_of, short_tokens
from kvdesk.gui.chats_panel import ChatsPanel, file_name
from kvdesk.session.state import ChatSummary, SearchResult
from tests.gui import fakes

NOW_S = datetime(2026, 3, 10, 12, 0).timestamp()
DAY_S = 86_400.0


def chats(*days: float) -> tuple[ChatSummary, ...]:
    return tuple(ChatSummary(n + 1, f"Chat {n + 1}", NOW_S - age * DAY_S) for n, age in enumerate(days))


@pytest.fixture
def panel(qtbot: QtBot, desk: fakes.FakeDesk) -> ChatsPanel:
    widget = ChatsPanel(desk)
    qtbot.addWidget(widget)
    widget.resize(212, 700)
    widget.show_state(desk.state)
    widget.show()
    return widget


def titles(panel: ChatsPanel) -> list[str]:
    model = panel.list.model()
    return [
        str(model.index(row, 0).data())
        for row in range(model.rowCount())
        if model.index(row, 0).data(CHAT_ROLE) is not None
    ]


def row_of(panel: ChatsPanel, title: str) -> QModelIndex:
    model = panel.list.model()
    return next(model.index(r, 0) for r in range(model.rowCount()) if model.index(r, 0).data() == title)


@pytest.mark.parametrize(
    ("hours", "heading"),
    [
        (1, "Today"),
        (11, "Today"),
        (13, "Yesterday"),
        (37, "Last week"),
        (24 * 7, "Last week"),
        (24 * 8, "Older"),
    ],
)
def test_days_are_those_of_the_calendar(hours: float, heading: str) -> None:
    assert day_of(NOW_S - hours * 3600, NOW_S) == heading


def test_headings_stand_once_and_the_latest_comes_first() -> None:
    entries = arrange(chats(9, 0, 0.1, 3), "", NOW_S)
    assert [entry.title for entry in entries] == [
        "Today",
        "Chat 2",
        "Chat 3",
        "Last week",
        "Chat 4",
        "Older",
        "Chat 1",
    ]


def test_the_search_looks_at_titles_in_any_case() -> None:
    assert [entry.title for entry in arrange(chats(0, 1), "CHAT 2 ", NOW_S)] == ["Yesterday", "Chat 2"]
    assert arrange(chats(0), "nothing", NOW_S) == []


def test_tokens_are_short() -> None:
    assert [short_tokens(n) for n in (None, 0, 812, 27_310)] == ["", "", "812", "27k"]


def test_the_model_keeps_qts_rules(qapp: object) -> None:
    items = ChatItems(lambda *_: None, lambda *_: None, lambda *_: None)
    tester = QAbstractItemModelTester(items, QAbstractItemModelTester.FailureReportingMode.Warning)
    items.show(arrange(chats(0, 1, 9), "", NOW_S), 1)
    assert items.rowCount() == 6
    renamed = replace(chats(0, 1, 9)[0], title="Another")
    assert not items.show(arrange((renamed, *chats(0, 1, 9)[1:]), "", NOW_S), 2)
    assert items.index(1).data() == "Another"
    assert items.index(3).data(OPEN_ROLE)
    assert items.show([], None)
    assert tester.model() is items


def test_a_click_opens(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    rect = panel.list.visualRect(row_of(panel, "Refactor the parser"))
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert desk.calls == [("open_chat", 2)]


def test_the_open_chat_is_not_opened_again(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    rect = panel.list.visualRect(row_of(panel, "Reading the 2019 annual report"))
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert desk.calls == []


def test_the_keyboard_passes_headings_and_opens(
    qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk
) -> None:
    panel.list.setFocus()
    panel.list.setCurrentIndex(row_of(panel, "长文档翻译"))
    qtbot.keyClick(panel.list, Qt.Key.Key_Down)
    assert panel.list.currentIndex().data() == "Kernel log triage"
    qtbot.keyClick(panel.list, Qt.Key.Key_Return)
    assert desk.calls == [("open_chat", 4)]


def test_f2_renames_in_place(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    panel.list.setFocus()
    panel.list.setCurrentIndex(row_of(panel, "Trip notes"))
    qtbot.keyClick(panel.list, Qt.Key.Key_F2)
    field = panel.list.viewport().findChild(QLineEdit)
    assert field.text() == "Trip notes"
    field.setText("Trip to Lisbon")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.calls == [("rename_chat", 5, "Trip to Lisbon")])


def test_a_state_that_comes_while_renaming_does_not_take_the_field(
    qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk
) -> None:
    panel.list.setFocus()
    panel.list.setCurrentIndex(row_of(panel, "Trip notes"))
    qtbot.keyClick(panel.list, Qt.Key.Key_F2)
    field = panel.list.viewport().findChild(QLineEdit)
    field.setText("Half a na")
    panel.show_state(replace(desk.state, chats=desk.state.chats[:2]))
    assert panel.list.viewport().findChild(QLineEdit).text() == "Half a na"
    qtbot.keyClick(field, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: titles(panel) == ["Reading the 2019 annual report", "Refactor the parser"])


def test_deleting_can_be_undone_in_place(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    panel.list.setFocus()
    panel.list.setCurrentIndex(row_of(panel, "Trip notes"))
    qtbot.keyClick(panel.list, Qt.Key.Key_Delete)
    assert desk.calls == [("delete_chat", 5)]
    gone = desk.state.chats[-1]
    assert panel.undo_bar.isHidden()
    panel.show_state(replace(desk.state, chats=desk.state.chats[:-1], deleted=(gone,)))
    assert panel.undo_bar.isVisible()
    assert gone.title in panel.undo_bar.accessibleDescription()
    qtbot.mouseClick(panel.undo_bar.undo_button, Qt.MouseButton.LeftButton)
    qtbot.keyClick(panel.list, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.mouseClick(panel.undo_bar.dismiss_button, Qt.MouseButton.LeftButton)
    assert desk.calls[1:] == [("undo_delete",), ("undo_delete",), ("accept_deletes",)]
    panel.show_state(desk.state)
    assert panel.undo_bar.isHidden()


def test_what_was_said_is_found_with_its_words(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    chat = desk.state.chats[0]
    qtbot.keyClicks(panel.search, "zzz")
    assert titles(panel) == []
    assert desk.calls[-1] == ("search_chats", "zzz")
    panel.show_state(replace(desk.state, found=SearchResult("zz", {chat.id: "too early"})))
    assert titles(panel) == []
    panel.show_state(replace(desk.state, found=SearchResult("zzz", {chat.id: "…the zzz of it"})))
    assert titles(panel) == [chat.title]
    row = row_of(panel, chat.title)
    assert row.data(EXCERPT_ROLE) == "…the zzz of it"
    low = panel.list.visualRect(row).height()
    panel.search.clear()
    assert panel.list.visualRect(row_of(panel, chat.title)).height() < low


def test_search_filters_and_says_when_nothing_is_found(qtbot: QtBot, panel: ChatsPanel) -> None:
    qtbot.keyClicks(panel.search, "trip")
    assert titles(panel) == ["Trip notes"]
    panel.search.setText("zzz")
    assert titles(panel) == []
    assert panel.nothing.isVisible()
    panel.search.clear()
    assert len(titles(panel)) == 5


def test_new_and_the_open_mark(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    qtbot.mouseClick(panel.new_button, Qt.MouseButton.LeftButton)
    assert desk.calls == [("new_chat",)]
    assert row_of(panel, "Reading the 2019 annual report").data(OPEN_ROLE)
    assert desk.state.chat is not None
    panel.show_state(replace(desk.state, chat=replace(desk.state.chat, id=4)))
    assert row_of(panel, "Kernel log triage").data(OPEN_ROLE)
    assert not row_of(panel, "Reading the 2019 annual report").data(OPEN_ROLE)


def test_a_chat_is_exported_where_the_dialog_says(
    qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk, tmp_path: Path
) -> None:
    panel._export(row_of(panel, "Trip notes"))
    dialog = panel.findChild(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "trip.md"))
    dialog.reject()
    panel._export(None)
    panel.findChildren(QFileDialog)[-1].fileSelected.emit(str(tmp_path / "all.json"))
    assert desk.calls == [
        ("export_chats", (5,), tmp_path / "trip.md"),
        ("export_chats", None, tmp_path / "all.json"),
    ]


def test_files_are_imported(panel: ChatsPanel, desk: fakes.FakeDesk, tmp_path: Path) -> None:
    panel._import()
    panel.findChild(QFileDialog).filesSelected.emit([str(tmp_path / "a.json"), str(tmp_path / "b.md")])
    assert desk.calls == [("import_chats", [tmp_path / "a.json", tmp_path / "b.md"])]


def test_a_title_becomes_a_file_name() -> None:
    assert file_name('a/b: "c"?') == "a b c"
    assert file_name("..") == "chat"


def in_folders(desk: fakes.FakeDesk) -> tuple[ChatSummary, ...]:
    first, second, *others = desk.state.chats
    return (replace(first, folder="Work"), replace(second, folder="Work"), *others)


def test_a_folder_is_folded_and_unfolded(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    moved = in_folders(desk)
    panel.show_state(replace(desk.state, chats=moved))
    assert titles(panel)[:2] == [moved[0].title, moved[1].title]
    rect = panel.list.visualRect(row_of(panel, "Work"))
    qtbot.mouseClick(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    assert moved[0].title not in titles(panel)
    qtbot.keyClicks(panel.search, moved[0].title[:8])
    assert titles(panel) == [moved[0].title]  # a search looks into folded ones
    panel.search.clear()
    panel.list.setFocus()
    panel.list.setCurrentIndex(row_of(panel, "Work"))
    qtbot.keyClick(panel.list, Qt.Key.Key_Return)
    assert titles(panel)[:2] == [moved[0].title, moved[1].title]


def test_a_chat_is_dragged_into_a_folder_and_out(panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    moved = in_folders(desk)
    panel.show_state(replace(desk.state, chats=moved))
    items = panel.list.model()
    assert isinstance(items, ChatItems)
    outside, inside = row_of(panel, "Trip notes"), row_of(panel, moved[0].title)
    day = items.index(items.rowCount() - 2, 0)
    move = Qt.DropAction.MoveAction
    items.dropMimeData(items.mimeData([outside]), move, -1, -1, row_of(panel, "Work"))
    items.dropMimeData(items.mimeData([outside]), move, -1, -1, inside)
    items.dropMimeData(items.mimeData([inside]), move, -1, -1, day)
    items.dropMimeData(items.mimeData([inside]), move, -1, -1, QModelIndex())  # below the list
    out = ("move_chat", moved[0].id, "")
    assert desk.calls == [("move_chat", 5, "Work"), ("move_chat", 5, "Work"), out, out]


def test_a_folder_is_made_and_named_in_place(qtbot: QtBot, panel: ChatsPanel, desk: fakes.FakeDesk) -> None:
    panel._move_to_new_folder(5)
    assert desk.calls == [("move_chat", 5, "New folder")]
    *others, last = desk.state.chats
    panel.show_state(replace(desk.state, chats=(*others, replace(last, folder="New folder"))))
    field = panel.list.viewport().findChild(QLineEdit)
    field.setText("Travel")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: desk.calls[1:] == [("rename_folder", "New folder", "Travel")])
