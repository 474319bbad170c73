"""What the program does towards an answer: loads what is missing, settles what will not fit, asks for it."""

from dataclasses import replace

from kvdesk.engine import protocol
from kvdesk.phrases import Phrase
from kvdesk.plan.overflow import Overflow
from kvdesk.session import events, growing, parking, room, steps
from kvdesk.session.counting import prompt_of
from kvdesk.session.parts import Parts
from kvdesk.session.state import Conversation, Notice, Phase
from kvdesk.units import format_tokens


def want_answer(parts: Parts, chat: Conversation) -> None:
    """Answer a conversation now, or load first and answer then."""
    parts.wanted_answer, parts.settled_overflow = chat, None
    phase = parts.state.engine.phase
    if phase is Phase.READY:
        begin_wanted_answer(parts)
    elif phase in (Phase.ABSENT, Phase.IDLE, Phase.ENDED) and not steps.begin_load(parts):
        give_up(parts)


def begin_wanted_answer(parts: Parts) -> None:
    """Ask the engine for the answer that waits, if one does.

    Where it may not fit and that is not simply to be left to the engine, it is counted first.
    """
    chat = parts.wanted_answer
    if chat is None:
        return
    parking.resume_if_parked(parts, chat.id)
    policy = room.policy_of(parts, chat)
    is_to_settle = policy != "stop" or parts.settings.auto_grow == "do"
    if parts.settled_overflow is None and is_to_settle and room.may_overflow(parts, chat):
        room.count(parts, chat, is_check=True)
    else:
        _answer(parts, chat, parts.settled_overflow or ("roll" if policy == "roll" else "stop"))


def checked(parts: Parts, found: events.Counted) -> None:
    """The answer that waits was counted."""
    if parts.wanted_answer is None:
        return
    if found.overflow is None:
        settle(parts, "stop")
        return
    parts.take(found)
    parts.met_overflow = found.overflow
    if parts.settings.auto_grow == "do":
        parts.waits_for_ladder = True
        growing.find_ladder(parts, is_offer=False)
    else:
        _ask(parts, parts.wanted_answer)


def begin_uncounted(parts: Parts) -> None:
    """The answer that waits could not be counted; the engine will say what it thinks of it."""
    if parts.wanted_answer is not None:
        settle(parts, "roll" if room.policy_of(parts, parts.wanted_answer) == "roll" else "stop")


def ladder_found(parts: Parts, found: events.LadderFound) -> None:
    """The answer that waits may go on in a larger context, or else by the policy."""
    parts.waits_for_ladder = False
    chat = parts.wanted_answer
    if chat is None:
        return
    if found.rungs and growing.rebuild(parts, found.rungs[0]):
        parts.take(events.NoticeChanged(Notice(found.rungs[0].cost, is_error=False)))
    else:
        _ask(parts, chat)


def settle(parts: Parts, overflow: protocol.Overflow) -> None:
    """It is said what happens when the answer that waits does not fit."""
    parts.settled_overflow = overflow
    begin_wanted_answer(parts)


def give_up(parts: Parts) -> None:
    """The answer that waits is not wanted any more; an earlier one that gave way to it is shown again."""
    if parts.wanted_answer is not None:
        parts.saving.settle(parts.wanted_answer.id)
    parts.wanted_answer = parts.settled_overflow = parts.met_overflow = None
    parts.waits_for_ladder = False
    if parts.state.overflow_asked is not None:
        parts.take(events.OverflowAsked(None))


def _ask(parts: Parts, chat: Conversation) -> None:
    policy = room.policy_of(parts, chat)
    if policy == "ask":
        parts.take(events.OverflowAsked(chat.id))
    else:
        settle(parts, policy)


def _answer(parts: Parts, chat: Conversation, overflow: protocol.Overflow) -> None:
    if overflow == "roll" and parts.met_overflow is not None:
        chat = _rolled(parts, chat, parts.met_overflow)
    parts.wanted_answer = parts.settled_overflow = parts.met_overflow = None
    prompt = prompt_of(chat)
    parts.asked_ids = prompt.ids
    parts.saving.begin_answer(chat.id, chat.messages[-1].id if chat.messages else None)
    parts.driver.answer(chat.id, prompt.messages, chat.sampling, overflow)
    parts.take(events.TurnBegun(chat.id))


def _rolled(parts: Parts, chat: Conversation, overflow: Overflow) -> Conversation:
    """Leave out what was shown to fall out; it stays in the conversation and can be brought back."""
    if not overflow.ids:
        return chat
    parts.saving.mark(chat.id, overflow.ids, is_dropped=True)
    said = fallen_out(len(overflow.ids), overflow.dropped_tokens)
    parts.take(events.NoticeChanged(Notice(said, overflow.obstacle, is_error=False)))
    parts.mark("shift", said)
    messages = tuple(replace(m, is_dropped=m.is_dropped or m.id in overflow.ids) for m in chat.messages)
    return replace(chat, messages=messages)


def fallen_out(count: int, tokens: int) -> Phrase:
    """What is told of messages that fell out of the context."""
    return Phrase(
        "{count} messages with {tokens} tokens fell out of the context; they are still in the conversation.",
        count=count,
        tokens=format_tokens(tokens),
    )
