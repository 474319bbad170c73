"""Carries out what the card, the menu and a message's own menu say about the room in the context."""

from collections.abc import Callable

from kvdesk.gui.conversation_menus import Mark
from kvdesk.gui.room.menu import Doings
from kvdesk.gui.room.questions import Answer
from kvdesk.session import room_actions
from kvdesk.session.desk import Desk


def answer(desk: Desk, said: Answer, text: str) -> None:
    """Do what the card's answer says; `text` is the summary as the user left it."""
    done: dict[Answer, Callable[[], None]] = {
        "cancel_rebuild": lambda: room_actions.cancel_rebuild(desk),
        "cancel_rehearsal": lambda: room_actions.cancel_rehearsal(desk),
        "accept_summary": lambda: room_actions.accept_compaction(desk, text),
        "refuse_summary": lambda: room_actions.cancel_compaction(desk),
        "stop": lambda: room_actions.answer_overflow(desk, "stop"),
        "roll": lambda: room_actions.answer_overflow(desk, "roll"),
        "drop": lambda: room_actions.answer_overflow(desk, "drop"),
        "compact": lambda: _compact_oldest(desk),
        "grow": lambda: _grow(desk),
        "not_growing": lambda: room_actions.decline_growing(desk),
        "park": lambda: _park_offered(desk),
        "not_parking": lambda: room_actions.decline_parking(desk),
    }
    done[said]()


def mark(desk: Desk, said: Mark, message_id: int) -> None:
    """Do what a message's menu says about its place in the context."""
    done: dict[Mark, Callable[[], None]] = {
        "pin": lambda: room_actions.pin_message(desk, message_id),
        "unpin": lambda: room_actions.pin_message(desk, message_id, is_pinned=False),
        "drop": lambda: room_actions.drop_messages(desk, (message_id,)),
        "bring_back": lambda: room_actions.bring_back(desk, (message_id,)),
        "compact": lambda: _compact_up_to(desk, message_id),
    }
    done[said]()


def doings(desk: Desk) -> Doings:
    """What the context's menu does to the open conversation."""
    chat_id = desk.state.chat.id if desk.state.chat is not None else -1
    return Doings(
        grow=lambda rung: room_actions.rebuild(desk, rung),
        find_steps=lambda: room_actions.find_ladder(desk),
        choose_overflow=lambda policy: room_actions.choose_overflow(desk, policy),
        park=lambda: room_actions.park_chat(desk, chat_id),
        unpark=lambda: room_actions.unpark_chat(desk, chat_id),
        rehearse=lambda: room_actions.rehearse(desk),
    )


def _grow(desk: Desk) -> None:
    if desk.state.overflow_asked is not None:
        room_actions.answer_overflow(desk, "grow")
    elif desk.state.grow_offer is not None:
        room_actions.rebuild(desk, desk.state.grow_offer)


def _park_offered(desk: Desk) -> None:
    if desk.state.park_offer is not None:
        room_actions.park_chat(desk, desk.state.park_offer.chat_id)


def _compact_oldest(desk: Desk) -> None:
    """Summarise what would fall out."""
    ids = desk.state.overflow.way("compact").ids if desk.state.overflow is not None else ()
    room_actions.answer_overflow(desk, "compact")
    room_actions.compact_messages(desk, ids)


def _compact_up_to(desk: Desk, message_id: int) -> None:
    messages = desk.state.chat.messages if desk.state.chat is not None else ()
    end = [message.id for message in messages].index(message_id) + 1
    free = (each.id for each in messages[:end] if not (each.is_pinned or each.is_dropped))
    room_actions.compact_messages(desk, tuple(free))
