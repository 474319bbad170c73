"""The room in the context: what is asked about it, and what the answers do."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from kvdesk.engine.protocol import RehearsalProgress
from kvdesk.gui.room import doing
from kvdesk.gui.room.card import RoomCard
from kvdesk.gui.room.menu import Doings, room_menu
from kvdesk.gui.room.questions import question_of
from kvdesk.session.state import Compaction, ParkOffer, Phase
from kvdesk.units import GIB
from tests.gui import fakes
from tests.gui.rooms import RUNG, asked, chat_id, full


@pytest.fixture
def card(qtbot: QtBot) -> RoomCard:
    widget = RoomCard()
    qtbot.addWidget(widget)
    return widget


def test_nothing_is_asked_without_need(card: RoomCard) -> None:
    card.show_question(question_of(asked()))
    assert card.isHidden()


def test_a_full_context_is_a_choice_with_the_price_of_each_way(qtbot: QtBot, card: RoomCard) -> None:
    state = asked(overflow=full(), overflow_asked=chat_id())
    question = question_of(state)
    assert question is not None
    card.show_question(question)
    assert "204 tokens too many" in question.title
    assert list(card.buttons) == ["stop", "roll", "drop", "compact", "grow"]
    costs = {choice.answer: choice.cost for choice in question.choices}
    assert "1,800 tokens fall out" in costs["roll"]
    assert not card.buttons["grow"].isEnabled()
    assert costs["grow"].startswith("Larger contexts that fit are being")
    with qtbot.waitSignal(card.answered) as told:
        card.buttons["roll"].click()
    assert told.args == ["roll"]


def test_another_conversation_s_question_waits_for_it(card: RoomCard) -> None:
    assert question_of(asked(overflow=full(), overflow_asked=chat_id() + 1)) is None


def test_a_summary_can_be_changed_before_it_is_taken(card: RoomCard, desk: fakes.FakeDesk) -> None:
    found = Compaction(chat_id(), (1, 2), 1800, "They spoke of keys.", 40)
    writing = question_of(asked(compaction=found))
    assert writing is not None
    assert [choice.answer for choice in writing.choices] == ["refuse_summary"]
    card.show_question(question_of(asked(compaction=replace(found, is_done=True))))
    assert card.text == "They spoke of keys."
    card._edit.setPlainText("They spoke of values.")
    doing.answer(desk, "accept_summary", card.text)
    assert desk.calls == [("accept_compaction", "They spoke of values.")]


def test_growing_is_offered_with_its_price(desk: fakes.FakeDesk) -> None:
    desk.state = asked(grow_offer=RUNG)
    question = question_of(desk.state)
    assert question is not None
    assert question.about == "It takes 1.2 GiB more."
    doing.answer(desk, "grow", "")
    assert desk.calls == [("rebuild", RUNG)]


def test_parking_says_what_it_spares() -> None:
    offer = ParkOffer(chat_id(), round(1.1 * GIB), 27_000, 240.0)
    question = question_of(asked(park_offer=offer))
    assert question is not None
    assert question.about == "1,126 MiB on disk save about 4 min of reading."
    unknown = question_of(asked(park_offer=replace(offer, reread_s=None)))
    assert unknown is not None
    assert "27,000 tokens" in unknown.about


def test_what_is_under_way_shows_how_far_it_is_and_can_be_stopped(card: RoomCard) -> None:
    state = asked()
    said = RehearsalProgress(round=1, rounds=2, done_tokens=4096, total_tokens=32768, left_s=95.0)
    rehearsing = replace(state.engine, phase=Phase.REHEARSING, rehearsal=said, progress=0.0625)
    card.show_question(question_of(replace(state, engine=rehearsing)))
    assert card.buttons["cancel_rehearsal"].isEnabled()
    assert card._bar.value() == 62
    assert card.accessibleDescription() == "Round 1 of 2, 4,096 of 32,768 tokens · about 95 s left"


def entries(parent: QWidget, desk: fakes.FakeDesk, doings: Doings) -> dict[str, QAction]:
    menu = room_menu(parent, desk.state, "stop", doings)
    return {action.text(): action for action in menu.actions()}


def test_the_menu_has_the_three_numbers_the_steps_and_the_policies(
    qtbot: QtBot, desk: fakes.FakeDesk
) -> None:
    desk.state = asked(ladder=(RUNG,))
    parent = QWidget()
    qtbot.addWidget(parent)
    found = entries(parent, desk, doing.doings(desk))
    assert any(text.startswith("Context: 32,768 tokens (asked for ") for text in found)
    step = found["65,536 tokens, q8_0 / q8_0: +1,200 MiB"]
    assert step.toolTip() == "It takes 1.2 GiB more."
    step.trigger()
    found["Leave out the oldest messages"].trigger()
    assert desk.calls == [("rebuild", RUNG), ("choose_overflow", "roll")]
    assert found["As in the settings: Stop"].isChecked() is False


def test_a_message_is_pinned_left_out_and_brought_back(desk: fakes.FakeDesk) -> None:
    desk.state = asked()
    assert desk.state.chat is not None
    first, second = (message.id for message in desk.state.chat.messages[:2])
    for said in ("pin", "unpin", "drop", "bring_back"):
        doing.mark(desk, said, first)
    doing.mark(desk, "compact", second)
    assert desk.calls == [
        ("pin_message", first),
        ("pin_message", first),
        ("drop_messages", (first,)),
        ("bring_back", (first,)),
        ("compact_messages", (first, second)),
    ]


def test_tab_goes_through_the_answers(qtbot: QtBot, card: RoomCard) -> None:
    card.show_question(question_of(asked(overflow=full(), overflow_asked=chat_id())))
    card.show()
    for button in card.buttons.values():
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert button.accessibleName()
