"""The context to scale: how it is divided, what is drawn of it, and how a message is chosen in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.conversation_panel import ConversationPanel
from kvdesk.gui.room.menu import message_menu
from kvdesk.gui.room.ribbon import HEIGHT, Limits, Ribbon, Segment, fitted, segments_of
from kvdesk.session.state import DeskState, MessageTokens
from tests.gui import fakes
from tests.gui.conversations import FIGURES, answer, conversation, question


def two_turns() -> DeskState:
    first = replace(FIGURES, prompt_tokens=100, reused_tokens=0, completion_tokens=50)
    second = replace(FIGURES, prompt_tokens=180, reused_tokens=150, completion_tokens=20)
    chat = conversation(
        question(1, "a"), answer(2, "b", figures=first), question(3, "c"), answer(4, "d", figures=second)
    )
    return replace(fakes.qwen_loaded(), chat=chat)


def counted() -> DeskState:
    tokens = tuple(MessageTokens(number, 100 * number) for number in (1, 2, 3, 4))
    return replace(two_turns(), message_tokens=tokens)


@pytest.fixture
def ribbon(qtbot: QtBot) -> Ribbon:
    widget = Ribbon(lambda segment: f"{segment.role} {segment.tokens}")
    qtbot.addWidget(widget)
    widget.resize(1000, HEIGHT)
    segments = (
        Segment("user", 200, 1),
        Segment("assistant", 300, 2, is_pinned=True),
        Segment("user", 100, 3, leaves=True),
    )
    widget.show_segments(segments, 1000, Limits())
    widget.show()
    return widget


def pixel(ribbon: Ribbon, x: int, y: int = HEIGHT // 2) -> QColor:
    return ribbon.grab().toImage().pixelColor(x, y)


def test_figures_divide_the_context() -> None:
    assert segments_of(two_turns().chat) == (
        Segment("user", 100, 1),
        Segment("assistant", 50, 2),
        Segment("user", 30, 3),
        Segment("assistant", 20, 4),
    )


def test_a_count_divides_it_better_and_knows_what_is_pinned_and_what_leaves() -> None:
    state = counted()
    assert state.chat
    first, *others = state.chat.messages
    chat = replace(state.chat, messages=(replace(first, is_pinned=True), *others))
    assert segments_of(chat, state.message_tokens, leaving=(3, 4)) == (
        Segment("user", 100, 1, is_pinned=True),
        Segment("assistant", 200, 2),
        Segment("user", 300, 3, leaves=True),
        Segment("assistant", 400, 4, leaves=True),
    )


def test_what_was_left_out_has_no_width() -> None:
    state = counted()
    assert state.chat
    first, second, *others = state.chat.messages
    gone = (replace(first, is_dropped=True), replace(second, is_dropped=True))
    chat = replace(state.chat, messages=(*gone, *others))
    assert [segment.message_id for segment in segments_of(chat, state.message_tokens[2:])] == [3, 4]


def test_a_cut_history_is_not_told_apart() -> None:
    chat = two_turns().chat
    assert chat is not None
    shorter = replace(FIGURES, prompt_tokens=90, completion_tokens=10)
    cut = replace(chat, messages=(*chat.messages, answer(5, "e", figures=shorter)))
    assert segments_of(cut) == (Segment("other", 90), Segment("assistant", 10, 5))


@given(st.lists(st.integers(0, 500), max_size=8), st.integers(0, 3000))
def test_segments_sum_to_the_cells_in_use(tokens: list[int], used: int) -> None:
    segments = tuple(Segment("user" if i % 2 else "assistant", n) for i, n in enumerate(tokens))
    found = fitted(segments, used)
    assert sum(segment.tokens for segment in found) == used
    assert all(segment.tokens > 0 for segment in found)


def test_messages_are_as_wide_as_their_tokens(ribbon: Ribbon) -> None:
    assert pixel(ribbon, 100) == theme.colour("k")
    assert pixel(ribbon, 800) == theme.colour("free")
    assert pixel(ribbon, 190) != pixel(ribbon, 210)


def test_a_pinned_message_has_a_line_above_and_one_that_leaves_is_hatched(ribbon: Ribbon) -> None:
    assert pixel(ribbon, 400, 1) == theme.colour("text")
    assert pixel(ribbon, 100, 1) == theme.colour("k")
    image = ribbon.grab().toImage()
    leaving = {image.pixelColor(x, HEIGHT // 2).rgb() for x in range(520, 580)}
    staying = {image.pixelColor(x, HEIGHT // 2).rgb() for x in range(20, 180)}
    assert len(leaving) > 1
    assert len(staying) == 1


def test_what_is_read_again_and_how_far_windows_see(ribbon: Ribbon) -> None:
    before = [pixel(ribbon, x) for x in (350, 450)]
    ribbon.show_segments((Segment("user", 600, 1),), 1000, Limits())
    plain = ribbon.grab().toImage()
    ribbon.show_segments((Segment("user", 600, 1),), 1000, Limits(reread_from=400, window_from=200))
    marked = ribbon.grab().toImage()
    assert before
    assert plain.pixelColor(100, 7) == marked.pixelColor(100, 7)
    assert plain.pixelColor(200, 7) != marked.pixelColor(200, 7)
    assert any(plain.pixelColor(x, 7) != marked.pixelColor(x, 7) for x in range(450, 460))


def test_a_click_chooses_the_message_under_it(qtbot: QtBot, ribbon: Ribbon) -> None:
    with qtbot.waitSignal(ribbon.messageChosen) as said:
        qtbot.mouseClick(ribbon, Qt.MouseButton.LeftButton, pos=QPoint(450, 5))
    assert said.args == [2]
    with qtbot.assertNotEmitted(ribbon.messageChosen):
        qtbot.mouseClick(ribbon, Qt.MouseButton.LeftButton, pos=QPoint(900, 5))


def test_the_keyboard_walks_and_chooses(qtbot: QtBot, ribbon: Ribbon) -> None:
    qtbot.keyClick(ribbon, Qt.Key.Key_Right)
    qtbot.keyClick(ribbon, Qt.Key.Key_Right)
    assert ribbon.accessibleDescription() == "assistant 300"
    with qtbot.waitSignal(ribbon.messageChosen) as said:
        qtbot.keyClick(ribbon, Qt.Key.Key_Return)
    assert said.args == [2]


def test_the_menu_says_what_leaving_out_costs(qtbot: QtBot) -> None:
    panel = ConversationPanel(fakes.FakeDesk(counted()))
    qtbot.addWidget(panel)
    said: list[str] = []
    menu = message_menu(panel, counted(), 1, said.append)
    assert menu is not None
    texts = [action.text() for action in menu.actions()]
    assert texts == [
        "100 tokens",
        "Pin: never leave it out of the context",
        "Leave this exchange out: frees 300 tokens, 700 are read again",
        "Summarise everything up to here (300 tokens)…",
    ]
    menu.actions()[2].trigger()
    assert said == ["drop"]
    last = message_menu(panel, counted(), 4, said.append)
    assert last is not None
    assert [action.text() for action in last.actions()][1:] == ["Pin: never leave it out of the context"]


def test_the_ribbon_leads_to_the_message(qtbot: QtBot) -> None:
    long = "A paragraph of some length, said once more.\n\n" * 60
    turns = []
    for number in range(1, 9, 2):
        turns += [question(number, f"q{number}"), answer(number + 1, long)]
    state = replace(fakes.qwen_loaded(), chat=conversation(*turns))
    panel = ConversationPanel(fakes.FakeDesk(state))
    qtbot.addWidget(panel)
    panel.resize(700, 600)
    panel.show()
    panel.show_state(state)
    panel.gauge.messageChosen.emit(3)
    first, last = panel.view.rows_in_view()
    shown = {panel.view.rows[index].message_id for index in range(first, last)}
    assert 3 in shown
