"""What the program does by itself when something happened to the room in a context."""

from kvdesk.engine import protocol
from kvdesk.phrases import Phrase
from kvdesk.session import (
    alarms,
    answering,
    attaching,
    events,
    growing,
    manner,
    parking,
    proofs,
    room,
    steps,
)
from kvdesk.session.parts import Parts
from kvdesk.session.state import Notice
from kvdesk.units import format_bytes, format_tokens


def react(parts: Parts, event: events.Happening) -> None:
    """Do what follows from an event, which has been applied already."""
    match event:
        case events.PacesRead(paces):
            parts.paces = paces
        case events.MessagesChanged() | events.AnswerSaved() | events.Attached():
            parts.pause_due_s = parts.clock()  # what is in the context is counted anew
        case events.LadderFound() if parts.waits_for_ladder:
            answering.ladder_found(parts, event)
        case events.LadderFound():
            growing.ladder_found(parts, event)
        case events.PlaceFound(chat_id, path):
            parking.place_found(parts, chat_id, path)
        case _:
            pass


def from_engine(parts: Parts, event: events.FromEngine) -> None:
    """Do what follows from what the engine said."""
    match event.event:
        case protocol.MessagesDropped() as said if event.purpose == "turn":
            _dropped(parts, said)
        case protocol.Tokenized(tokens=tokens) if event.purpose == "attachment":
            attaching.counted(parts, len(tokens))
        case protocol.Tokenized(tokens=tokens) if event.purpose == "system prompt":
            manner.counted(parts, len(tokens))
        case protocol.TokensCounted() as said:
            _counted(parts, said)
        case protocol.Rebuilt() as said:
            alarms.loaded(parts)
            _rebuilt(parts, said)
        case protocol.Rehearsed() as said:
            room.learn_rehearsal(parts, said)
            if parts.state.engine.loaded is not None:
                parts.bookkeeper.rehearsed(said, parts.state.engine.loaded.options)
            answering.begin_wanted_answer(parts)
        case protocol.Parked() as said:
            parking.was_parked(parts, said)
            parts.mark("parked", format_bytes(said.n_bytes))
        case protocol.Resumed() as said:
            parking.was_resumed(parts, said)
            parts.pause_due_s = parts.clock()
        case _:
            pass


def stopped(parts: Parts, purpose: events.Purpose, said: protocol.Failed | protocol.CancelledEvent) -> None:
    """A command ended without its result, by failure or by the user's wish."""
    if purpose in ("rebuild", "rehearsal"):
        answering.begin_wanted_answer(parts)  # in the context that there is
    elif purpose == "count" and parts.question is not None and parts.question.is_check:
        answering.begin_uncounted(parts)
    elif purpose == "resume" and isinstance(said, protocol.Failed):
        parking.not_resumed(parts, said)
    elif purpose == "park":
        parts.resting_tokens.clear()  # what cannot be written now is not offered again and again


def _dropped(parts: Parts, said: protocol.MessagesDropped) -> None:
    """Keep what fell out of the context as dropped: it stays in the conversation and can be brought back."""
    streaming = parts.state.streaming
    ids = tuple(parts.asked_ids[place] for place in said.places if parts.asked_ids[place])
    if streaming is not None and ids:
        parts.saving.mark(streaming.chat_id, ids, is_dropped=True)
    said_so = answering.fallen_out(len(said.places), said.tokens)
    parts.take(events.NoticeChanged(Notice(said_so, said.why, is_error=False)))
    parts.mark("shift", said_so)


def _counted(parts: Parts, said: protocol.TokensCounted) -> None:
    is_check = parts.question is not None and parts.question.is_check
    found = room.was_counted(parts, said)
    if found is not None and is_check:
        answering.checked(parts, found)
        if parts.state.overflow_asked is not None:
            growing.find_ladder(parts, is_offer=False)
    elif found is not None:
        growing.consider_growing(parts)


def _rebuilt(parts: Parts, said: protocol.Rebuilt) -> None:
    growing.was_rebuilt(parts, said)
    proofs.find_proof(parts)
    options = growing.with_context_of(parts.state.options, said.options)
    if parts.opened is not None and parts.last_load is not None and parts.opened is parts.last_load[0]:
        steps.change_options(parts, events.OptionsChanged(options))
        steps.remember_options(parts)
    text = Phrase(
        "{ctx} tokens, K {k}, V {v}",
        ctx=format_tokens(said.n_ctx_seq),
        k=said.options.cache_type_k,
        v=said.options.cache_type_v,
    )
    parts.mark("converted" if said.how == "converted" else "resized", text)
    if said.how == "reread":
        parts.in_engine.clear()
        parts.take(
            events.NoticeChanged(
                Notice(Phrase("This chat is read again: {why}", why=said.why), is_error=False)
            )
        )
    answering.begin_wanted_answer(parts)
    parts.pause_due_s = parts.clock()
