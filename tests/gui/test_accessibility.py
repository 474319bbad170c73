"""Whoever does not see the window, or not well: every control has a name, is reached by Tab, and fits."""

import itertools

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.gui.help.window import HelpWindow
from kvdesk.gui.ledger_dialog import LedgerDialog
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.manner.dialog import ChatSettings
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.resources import resource_path
from kvdesk.session.arithmetic import open_source
from tests.gui import fakes

ROLES = QAccessible.Role
INTERACTIVE = {
    ROLES.Button,
    ROLES.PushButton,
    ROLES.CheckBox,
    ROLES.ComboBox,
    ROLES.EditableText,
    ROLES.Slider,
    ROLES.SpinBox,
    ROLES.List,
    ROLES.Table,
    ROLES.Tree,
    ROLES.RadioButton,
    ROLES.PageTab,
}


@pytest.fixture
def window(qtbot: QtBot, desk: fakes.FakeDesk) -> MainWindow:
    widget = MainWindow(desk)
    qtbot.addWidget(widget)
    widget.desk_panel.options.advanced_button.setChecked(True)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def walk(interface: QAccessibleInterface) -> list[QAccessibleInterface]:
    """Every visible object under one, itself included."""
    found = [interface]
    for index in range(interface.childCount()):
        child = interface.child(index)
        if child is not None and child.isValid() and not child.state().invisible:
            found += walk(child)
    return found


def nameless(widget: QWidget) -> list[str]:
    found = []
    for each in walk(QAccessible.queryAccessibleInterface(widget)):
        if each.role() not in INTERACTIVE or each.text(QAccessible.Text.Name):
            continue
        thing = each.object()
        parent = thing.parent() if thing else None
        if isinstance(thing, QWidget) and thing.focusPolicy() == Qt.FocusPolicy.NoFocus:
            continue  # a part of another control, which has the name
        found.append(f"{type(thing).__name__} in {type(parent).__name__}: {each.role()}")
    return found


@pytest.mark.parametrize("state", [fakes.qwen_opened, fakes.qwen_loaded, fakes.qwen_over, fakes.demo_opened])
def test_every_control_of_the_window_has_a_name(window: MainWindow, state: object) -> None:
    window.show_state(state())
    assert len(walk(QAccessible.queryAccessibleInterface(window))) > 100
    assert nameless(window) == []


@pytest.mark.parametrize("kind", [SettingsDialog, HelpWindow, LedgerDialog, ChatSettings])
def test_every_control_of_a_dialog_has_a_name(
    qtbot: QtBot, desk: fakes.FakeDesk, kind: type[QDialog]
) -> None:
    desk.opened = open_source(str(resource_path("demo/demo.f16.gguf")))
    dialog = kind(desk, []) if kind is HelpWindow else kind(desk)
    qtbot.addWidget(dialog)
    fakes.fill(dialog)
    dialog.show()
    assert nameless(dialog) == []


def test_what_stands_over_the_conversation_is_in_the_tree(window: MainWindow) -> None:
    view = window.conversation.view
    view.open_search()
    view.link_question.ask("https://a.example")
    view.jump_button.show()
    found = {each.text(QAccessible.Text.Name) for each in walk(QAccessible.queryAccessibleInterface(window))}
    assert {"Find in this chat", "Open a link", "Jump to latest"} <= found


def test_the_walk_finds_what_has_no_name(qtbot: QtBot, window: MainWindow) -> None:
    window.top_bar.chats_button.setAccessibleName("")
    window.top_bar.chats_button.setToolTip("")
    assert len(nameless(window)) == 1


def tab_round(window: QWidget) -> list[QWidget]:
    """The widgets that Tab reaches, in its order."""
    found: list[QWidget] = []
    each = window.nextInFocusChain()
    while each is not window:
        if each.isVisible() and each.isEnabled() and each.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found.append(each)
        each = each.nextInFocusChain()
    return found


def test_tab_goes_through_every_part_without_jumping_to_and_fro(window: MainWindow) -> None:
    order = tab_round(window)
    buttons = [
        button
        for button in window.findChildren(QAbstractButton)
        if button.isVisible() and button.isEnabled() and button.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert set(buttons) <= set(order)
    parts = [window.chats, window.conversation, window.desk_panel]
    visited = [
        parts.index(part) for each in order for part in parts if part is each or part.isAncestorOf(each)
    ]
    # Each part is left once at most: what was begun is finished before the next.
    changes = sum(one != other for one, other in itertools.pairwise(visited))
    assert changes <= len(parts)


def test_the_settings_are_walked_from_top_to_bottom(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    dialog = SettingsDialog(desk)
    qtbot.addWidget(dialog)
    fakes.fill(dialog)
    dialog.show()
    controls = set(dialog.controls.values())
    tops = [each.mapTo(dialog, QPoint(0, 0)).y() for each in tab_round(dialog) if each in controls]
    assert len(tops) == len(controls)
    assert tops == sorted(tops)


@pytest.mark.parametrize("page", ["kv-cache", "cache-types", "offloading"])
def test_a_picture_can_be_read_without_seeing_it(qtbot: QtBot, desk: fakes.FakeDesk, page: str) -> None:
    desk.opened = open_source(str(resource_path("demo/demo.f16.gguf")))
    help_window = HelpWindow(desk, [])
    qtbot.addWidget(help_window)
    help_window.show()
    help_window.show_page(page)
    assert help_window.picture.accessibleName()
    assert "MiB" in help_window.picture.accessibleDescription()
    assert help_window.table.rowCount() > 1
    assert QApplication.focusWidget() is not help_window.table
