"""What is offered beside a message: its other versions, by mouse and by keyboard, and a quotation of it."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kvdesk.gui.conversation_panel import ConversationPanel
from kvdesk.gui.conversation_view import ConversationView
from kvdesk.gui.message_rows import FigureRow
from kvdesk.session.state import Conversation, DeskState, Streaming
from tests.gui import fakes
from tests.gui.conversations import answer, conversation, question


@pytest.fixture
def view(qtbot: QtBot) -> Iterator[ConversationView]:
    widget = ConversationView()
    qtbot.addWidget(widget)
    widget.resize(700, 600)
    widget.show()
    widget.activateWindow()
    widget.setFocus()
    yield widget
    QApplication.clipboard().clear()


def show(view: ConversationView, chat: Conversation, streaming: Streaming | None = None) -> None:
    view.show_state(DeskState(chat=chat, streaming=streaming))


def versions(shown: int) -> Conversation:
    """A question with the answers 2, 3 and 4, one of which is shown."""
    text = {2: "first", 3: "second", 4: "third"}[shown]
    return conversation(question(1, "?"), replace(answer(shown, text, figures=None), siblings=(2, 3, 4)))


def test_the_other_versions_are_a_click_away(qtbot: QtBot, view: ConversationView) -> None:
    show(view, versions(3))
    actions = view.message_actions
    qtbot.waitUntil(actions.isVisible)
    assert actions.place.text() == "2/3"
    with qtbot.waitSignal(view.siblingWanted) as before:
        qtbot.mouseClick(actions.before_button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(view.siblingWanted) as after:
        qtbot.mouseClick(actions.after_button, Qt.MouseButton.LeftButton)
    assert (before.args, after.args) == ([2], [4])


def test_the_versions_are_walked_to_their_ends_with_the_keyboard(
    qtbot: QtBot, view: ConversationView
) -> None:
    walked: list[int] = []
    view.siblingWanted.connect(walked.append)
    view.siblingWanted.connect(lambda shown: show(view, versions(shown)))
    show(view, versions(2))
    for key in (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        qtbot.keyClick(view, key, Qt.KeyboardModifier.AltModifier)
    assert walked == [3, 4, 3]
    assert view.message_actions.place.text() == "2/3"
    assert not view.message_actions.isHidden()


def test_which_version_is_shown_stands_under_the_message(view: ConversationView) -> None:
    show(view, versions(4))
    row = view.transcript.rows[-1]
    assert isinstance(row, FigureRow)
    assert row.text == "version 3 of 3"
    show(view, conversation(replace(question(1, "?"), siblings=(1, 5)), answer(2, "!")))
    assert next(row.text for row in view.transcript.rows if isinstance(row, FigureRow)) == "version 1 of 2"


def test_a_message_without_versions_offers_none(view: ConversationView) -> None:
    show(view, conversation(question(1, "?"), answer(2, "only")))
    assert view.message_actions.before_button.isHidden()
    assert view.message_actions.place.isHidden()


def test_no_version_is_walked_to_while_an_answer_is_written(qtbot: QtBot, view: ConversationView) -> None:
    show(view, versions(3), Streaming(1, "so far"))
    with qtbot.assertNotEmitted(view.siblingWanted):
        qtbot.keyClick(view, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)


def test_a_quotation_begins_a_line_of_the_reply(
    qtbot: QtBot, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = ConversationPanel(desk)
    qtbot.addWidget(panel)
    panel.show_state(replace(desk.state, chat=conversation(question(1, "?"), answer(2, "one\n\ntwo"))))
    panel.composer.write("So:")
    panel.view._quote(panel.view.transcript.groups[1])
    assert panel.composer.text == "So:\n> one\n>\n> two\n\n"


def test_the_actions_stay_under_the_mouse_that_presses_them(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    panel = ConversationPanel(desk)
    qtbot.addWidget(panel)
    panel.resize(700, 600)
    chat = conversation(
        question(1, "?"), replace(answer(3, "second"), siblings=(2, 3)), question(4, "!"), answer(5, "last")
    )
    panel.show()
    panel.show_state(replace(desk.state, chat=chat))
    panel.activateWindow()
    panel.focus_composer()
    qtbot.waitUntil(panel.composer.edit.hasFocus)
    view = panel.view
    row = view.transcript.groups[1].rows[-1]
    y = round(view.top_of(view.transcript.rows.index(row)) + row.height - 6)
    qtbot.mouseMove(view.viewport(), pos=QPoint(300, y))
    qtbot.waitUntil(lambda: view.message_actions.group is view.transcript.groups[1])
    view.setFocus(Qt.FocusReason.MouseFocusReason)  # as the press on a button without focus of its own does
    qtbot.mouseClick(view.message_actions.before_button, Qt.MouseButton.LeftButton)
    assert desk.calls == [("show_branch", 2)]
