"""The centre as a whole: empty states, what is handed to the actions, and the end of the engine."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from kvdesk.gui.conversation_panel import ConversationPanel
from kvdesk.phrases import Phrase
from kvdesk.plan.options import LoadOptions
from kvdesk.resources import resolve_model
from kvdesk.session.state import DeskState, RemedyOffer
from tests.gui import fakes


@pytest.fixture
def panel(qtbot: QtBot, desk: fakes.FakeDesk) -> ConversationPanel:
    widget = ConversationPanel(desk)
    qtbot.addWidget(widget)
    widget.resize(700, 720)
    widget.show_state(desk.state)
    widget.show()
    return widget


def buttons(panel: ConversationPanel) -> dict[str, QPushButton]:
    return {button.text(): button for button in panel.findChildren(QPushButton) if button.isVisible()}


def test_without_a_model_the_next_step_is_offered(
    qtbot: QtBot, panel: ConversationPanel, desk: fakes.FakeDesk
) -> None:
    panel.show_state(DeskState())
    assert panel.empty.isVisible()
    assert not panel.view.isVisible()
    with qtbot.waitSignal(panel.openWanted):
        qtbot.mouseClick(buttons(panel)["Open a model…"], Qt.MouseButton.LeftButton)
    qtbot.mouseClick(buttons(panel)["Try the demo"], Qt.MouseButton.LeftButton)
    assert desk.calls == [("open_model", "demo")]


def test_a_new_chat_with_the_demo_offers_prompts(
    qtbot: QtBot, panel: ConversationPanel, desk: fakes.FakeDesk
) -> None:
    state = fakes.demo_opened()
    assert state.model is not None
    panel.show_state(replace(state, model=replace(state.model, path=resolve_model("demo"))))
    qtbot.mouseClick(buttons(panel)["What is the KV cache?"], Qt.MouseButton.LeftButton)
    assert desk.calls == [("send_message", "What is the KV cache?")]


def test_another_model_offers_none(panel: ConversationPanel) -> None:
    panel.show_state(replace(fakes.qwen_opened(), chat=None))
    assert "What is the KV cache?" not in buttons(panel)
    assert panel.empty.isVisible()


def test_what_the_user_does_reaches_the_actions(
    qtbot: QtBot, panel: ConversationPanel, desk: fakes.FakeDesk
) -> None:
    qtbot.keyClicks(panel.composer.edit, "Hi")
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Return)
    assert desk.calls == [("draft_changed", "H"), ("draft_changed", "Hi"), ("send_message", "Hi")]
    desk.calls.clear()
    panel.show_state(fakes.qwen_streaming())
    qtbot.mouseClick(panel.composer.button, Qt.MouseButton.LeftButton)
    panel.view.regenerateWanted.emit()
    assert desk.calls == [("stop_answer",), ("regenerate",)]


def test_editing_the_last_question(qtbot: QtBot, panel: ConversationPanel, desk: fakes.FakeDesk) -> None:
    messages = panel._desk.state.chat.messages if panel._desk.state.chat else ()
    last = next(message for message in reversed(messages) if message.role == "user")
    panel.view.editWanted.emit(last.id)
    assert panel.composer.text == "And which of the risks are never mentioned again?"
    panel.composer.edit.setPlainText("And which are?")
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Return)
    assert desk.calls == [("edit_message", last.id, "And which are?")]


def test_the_end_of_the_engine_is_told_between_the_messages(
    qtbot: QtBot, panel: ConversationPanel, desk: fakes.FakeDesk
) -> None:
    panel.show_state(fakes.qwen_ended())
    assert panel.view.isVisible()
    qtbot.mouseClick(buttons(panel)["Reload"], Qt.MouseButton.LeftButton)
    assert desk.calls == [("reload_engine",)]
    buttons(panel)["Reload"].setFocus()
    panel.show_state(fakes.qwen_loaded())
    assert "Reload" not in buttons(panel)
    assert panel.composer.edit.hasFocus()


def test_where_a_step_is_offered_it_stands_for_reloading(
    panel: ConversationPanel, desk: fakes.FakeDesk
) -> None:
    state = fakes.qwen_ended()
    offer = RemedyOffer(LoadOptions(ubatch_size=256), Phrase("Load it with -ub 256 and go on."))
    ended = replace(fakes.ENDED, remedy=offer)
    panel.show_state(replace(state, engine=replace(state.engine, ended=ended)))
    assert "Reload" not in buttons(panel)
    buttons(panel)["Load it with -ub 256 and go on"].click()
    assert desk.calls == [("take_remedy",)]


def test_every_control_has_a_name(panel: ConversationPanel) -> None:
    panel.show_state(fakes.qwen_ended())
    for button in panel.findChildren(QPushButton):
        assert button.accessibleName() or button.text()
    for part in (panel.view, panel.gauge, panel.composer.edit):
        assert part.accessibleName()
    panel.focus_composer()


def test_the_first_chat_has_the_keyboard_in_its_composer_too(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    panel = ConversationPanel(desk)
    qtbot.addWidget(panel)
    panel.show_state(replace(desk.state, chat=None))
    panel.show()
    panel.view.setFocus()
    state = fakes.qwen_loaded()
    assert state.chat
    assert state.chat.messages
    panel.show_state(state)
    assert panel.focusWidget() is panel.composer.edit


def test_typing_over_the_conversation_goes_to_the_composer(qtbot: QtBot, panel: ConversationPanel) -> None:
    qtbot.keyClick(panel.view, Qt.Key.Key_H)
    assert panel.composer.text == "h"
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    qtbot.keyClick(panel.view, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert panel.composer.text == "h"


def test_a_new_chat_has_the_keyboard_in_its_composer(panel: ConversationPanel, desk: fakes.FakeDesk) -> None:
    panel.view.setFocus()
    assert desk.state.chat is not None
    panel.show_state(replace(desk.state, chat=replace(desk.state.chat, id=77, messages=())))
    assert panel.focusWidget() is panel.composer.edit
