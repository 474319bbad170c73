"""What the card above the composer asks or shows about the room in the context, from the state alone."""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication

from kvdesk.gui.figures import SEPARATOR, duration
from kvdesk.gui.own_language import translated
from kvdesk.plan.offer import Rung
from kvdesk.session.state import DeskState, ParkOffer, Phase
from kvdesk.units import format_bytes, format_tokens

translate = QCoreApplication.translate

Answer = Literal[
    "cancel_rebuild",
    "cancel_rehearsal",
    "accept_summary",
    "refuse_summary",
    "stop",
    "roll",
    "drop",
    "compact",
    "grow",
    "not_growing",
    "park",
    "not_parking",
    "park_and_close",
    "close",
    "stay",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer as a button, with what it costs beside it; one that is not possible says why there."""

    answer: Answer
    label: str
    cost: str = ""
    is_primary: bool = False
    is_possible: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """One thing at a time. `progress` is 0 to 1 for what is under way; `text` is the user's to change."""

    title: str
    about: str = ""
    choices: tuple[Choice, ...] = ()
    progress: float | None = None
    text: str | None = None


def question_of(state: DeskState) -> Question | None:
    """The most urgent thing: what is under way, a summary, a full context, an offer."""
    if state.engine.phase is Phase.REBUILDING:
        return _rebuilding(state)
    if state.engine.phase is Phase.REHEARSING:
        return _rehearsing(state)
    chat_id = state.chat.id if state.chat is not None else None
    if state.compaction is not None and state.compaction.chat_id == chat_id:
        return _summary(state)
    if state.overflow_asked is not None and state.overflow_asked == chat_id:
        return _overflow(state)
    if state.grow_offer is not None and state.engine.phase is Phase.READY:
        return _grow(state, state.grow_offer)
    if state.park_offer is not None and state.engine.phase is Phase.READY:
        return _park(state.park_offer)
    return None


def _rebuilding(state: DeskState) -> Question:
    stages = {
        "saving": translate("Room", "Setting the contents aside"),
        "context": translate("Room", "Making the context"),
        "converting": translate("Room", "Converting the contents"),
        "restoring": translate("Room", "Putting the contents back"),
        "checking": translate("Room", "Checking the next token"),
        "reading": translate("Room", "Reading the conversation again"),
    }
    return Question(
        translate("Room", "Changing the context to {tokens} tokens").format(
            tokens=format_tokens(state.engine.asked_ctx_size)
        ),
        stages.get(state.engine.rebuild_stage, ""),
        (Choice("cancel_rebuild", translate("Room", "Cancel")),),
        progress=state.engine.progress,
    )


def _rehearsing(state: DeskState) -> Question:
    said = state.engine.rehearsal
    about = ""
    if said is not None:
        about = translate("Room", "Round {round} of {rounds}, {done} of {total} tokens").format(
            round=said.round,
            rounds=said.rounds,
            done=format_tokens(said.done_tokens),
            total=format_tokens(said.total_tokens),
        )
        if said.left_s is not None:
            left = translate("Room", "about {time} left").format(time=duration(said.left_s))
            about = SEPARATOR.join((about, left))
    return Question(
        translate("Room", "Filling the context to see that it holds"),
        about,
        (Choice("cancel_rehearsal", translate("Room", "Cancel")),),
        progress=state.engine.progress,
    )


def _summary(state: DeskState) -> Question:
    found = state.compaction
    assert found is not None
    refuse = Choice("refuse_summary", translate("Room", "Keep the messages"))
    if not found.is_done:
        title = translate("Room", "Summarising {count} messages").format(count=len(found.ids))
        return Question(title, found.text, (refuse,))
    title = translate("Room", "{count} messages with {tokens} tokens, as {summary}").format(
        count=len(found.ids),
        tokens=format_tokens(found.tokens),
        summary=format_tokens(found.summary_tokens),
    )
    accept = Choice("accept_summary", translate("Room", "Use this summary"), is_primary=True)
    about = translate(
        "Room", "The messages stay in the conversation and can be brought back. You can change the text."
    )
    return Question(title, about, (accept, refuse), text=found.text)


def _overflow(state: DeskState) -> Question | None:
    overflow = state.overflow
    if overflow is None:
        return None
    labels: dict[str, str] = {
        "stop": translate("Room", "Answer till it is full"),
        "roll": translate("Room", "Leave out the oldest"),
        "drop": translate("Room", "Choose what to leave out"),
        "compact": translate("Room", "Summarise the oldest"),
        "grow": translate("Room", "Enlarge the context"),
    }
    choices = tuple(
        Choice(
            way.kind,
            labels[way.kind],
            _cost(translated(way.cost), way.seconds),
            is_possible=way.is_possible,
        )
        for way in overflow.ways
    )
    title = translate("Room", "The conversation and an answer take {tokens} tokens too many").format(
        tokens=format_tokens(overflow.excess_tokens)
    )
    about = translate("Room", "Nothing is left out unless you say so.")
    return Question(title, about, choices)


def _grow(state: DeskState, rung: Rung) -> Question:
    used = state.engine.cache.cells_used if state.engine.cache else 0
    total = state.engine.loaded.n_ctx_seq if state.engine.loaded else 0
    title = translate("Room", "The context is {percent} % full").format(
        percent=round(100 * used / total) if total else 0
    )
    grow = Choice("grow", translate("Room", "Enlarge"), is_primary=True)
    return Question(title, translated(rung.cost), (grow, Choice("not_growing", translate("Room", "Not now"))))


def closing_question(offer: ParkOffer) -> Question:
    """What is asked when the window is to be closed with a cache in it that took long to fill."""
    park = Choice("park_and_close", translate("Room", "Park and close"), is_primary=True)
    title = translate("Room", "Park this conversation’s cache before closing?")
    close, stay = Choice("close", translate("Room", "Close")), Choice("stay", translate("Room", "Stay"))
    return Question(title, _spares(offer), (park, close, stay))


def _park(offer: ParkOffer) -> Question:
    park = Choice("park", translate("Room", "Park"), is_primary=True)
    title = translate("Room", "Park this conversation’s cache?")
    return Question(title, _spares(offer), (park, Choice("not_parking", translate("Room", "Not now"))))


def _spares(offer: ParkOffer) -> str:
    size = format_bytes(offer.n_bytes)
    if offer.reread_s is None:
        words = translate("Room", "{size} on disk spare reading {tokens} tokens again.")
        return words.format(size=size, tokens=format_tokens(offer.tokens))
    words = translate("Room", "{size} on disk save about {time} of reading.")
    return words.format(size=size, time=duration(offer.reread_s))


def _cost(sentence: str, seconds: float | None) -> str:
    if seconds is None or seconds < 0.5:
        return sentence
    takes = translate("Room", "About {time}.").format(time=duration(seconds))
    return f"{sentence} {takes}"
