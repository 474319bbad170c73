"""What a person can do about the room in a context, one short function each; none of them waits."""

from typing import Literal

from kvdesk.engine import protocol
from kvdesk.errors import KvDeskError, OptionError
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.offer import Rung
from kvdesk.plan.overflow import WayKind
from kvdesk.plan.parse import check_value
from kvdesk.session import answering, compacting, events, growing, parking
from kvdesk.session.actions import is_busy
from kvdesk.session.counting import whole_exchanges
from kvdesk.session.desk import Desk
from kvdesk.session.notices import notice_of
from kvdesk.session.state import Notice, ParkOffer, Phase
from kvdesk.settings.rows import OverflowPolicy

NOT_FREE = Notice(
    Phrase("The engine is busy or has no model."), Phrase("Load a model, or wait for the answer.")
)

# -------------------------------------------------------------------------------------- a larger context


def find_ladder(desk: Desk) -> None:
    """Find the steps to a larger context; they come as `DeskState.ladder`."""
    growing.find_ladder(desk, is_offer=False)


def price_of(desk: Desk, **changes: object) -> Rung | None:
    """What giving the loaded model a context with these options changed would take; None without one.

    A negative `margin_bytes` says that it does not fit. Raises OptionError for a value an option cannot have.
    """
    from kvdesk.plan.ladder import rung
    from kvdesk.plan.options import BY_NAME

    loaded, load = desk.state.engine.loaded, desk.last_load
    if loaded is None or load is None:
        return None
    for name, value in changes.items():
        row = BY_NAME[name]
        check_value(row, value)
        if row.choices and value not in row.choices:
            raise OptionError("{option} cannot be “{value}”.", "", option=Phrase(row.spec.label), value=value)
    limits = ceilings(desk.state.devices, Amount(desk.settings.reserve_bytes))
    cache = desk.state.engine.cache
    held = cache.cells_used if cache else 0
    options = growing.with_context_of(load[1], loaded.options)
    return rung(load[0].shape, options, desk.state.devices, limits, held, desk.paces, **changes)


def rebuild(desk: Desk, step: Rung) -> None:
    """Give the loaded model the context of a step; its progress is `EngineState.progress`."""
    if not growing.rebuild(desk, step):
        desk.take(events.NoticeChanged(NOT_FREE))


def change_context(desk: Desk, **changes: object) -> None:
    """Give the loaded model a context with options changed, where that fits; else say what is lacking."""
    try:
        step = price_of(desk, **changes)
    except KvDeskError as error:
        desk.take(events.NoticeChanged(notice_of(error)))
        return
    if step is None:
        desk.take(events.NoticeChanged(NOT_FREE))
    elif step.margin_bytes < 0:
        desk.take(events.NoticeChanged(Notice(step.cost)))
    else:
        rebuild(desk, step)


def cancel_rebuild(desk: Desk) -> None:
    """Stop the rebuild under way; the context that was there stays."""
    desk.driver.cancel("rebuild")


def decline_growing(desk: Desk) -> None:
    """Leave the context as it is; the offer goes."""
    desk.take(events.GrowDeclined())


def rehearse(desk: Desk) -> None:
    """Fill the context to its end to see that it holds; what the cache has comes back."""
    if desk.state.engine.phase is not Phase.READY:
        desk.take(events.NoticeChanged(NOT_FREE))
        return
    desk.take(events.RehearsalBegun())
    desk.driver.rehearse()


def cancel_rehearsal(desk: Desk) -> None:
    """Stop the rehearsal under way."""
    desk.driver.cancel("rehearsal")


# ------------------------------------------------------------------------------------------- a full context


def choose_overflow(desk: Desk, policy: OverflowPolicy | Literal[""]) -> None:
    """Choose what happens when the open conversation's context is full; "" as the settings say."""
    desk.take(events.OverflowChosen(policy))
    if desk.state.chat is not None:
        desk.saving.save_overflow(desk.state.chat)


def answer_overflow(desk: Desk, way: WayKind) -> None:
    """Go on with the answer that waits (`DeskState.overflow_asked`) in one of the ways.

    To drop or compact messages the answer is called off; it is asked for again with `regenerate`.
    """
    if desk.state.overflow_asked is None:
        return
    desk.take(events.OverflowAsked(None))
    if way in ("stop", "roll"):
        overflow: protocol.Overflow = "roll" if way == "roll" else "stop"
        answering.settle(desk, overflow)
    elif way == "grow":
        desk.waits_for_ladder = True
        growing.find_ladder(desk, is_offer=False)
    else:
        answering.give_up(desk)


def pin_message(desk: Desk, message_id: int, is_pinned: bool = True) -> None:
    """Protect a message from falling out of the context, or let go of it."""
    if desk.state.chat is not None:
        desk.saving.mark(desk.state.chat.id, (message_id,), is_pinned=is_pinned)


def drop_messages(desk: Desk, ids: tuple[int, ...]) -> None:
    """Leave messages out of the context, with the questions or answers that go with them; they stay shown."""
    chat = desk.state.chat
    if chat is not None and not is_busy(desk):
        desk.saving.mark(chat.id, whole_exchanges(chat.messages, ids), is_dropped=True)


def bring_back(desk: Desk, ids: tuple[int, ...]) -> None:
    """Bring dropped messages back into the context; a summary that stands for them gives way."""
    chat = desk.state.chat
    if chat is not None and not is_busy(desk):
        desk.saving.bring_back(chat.id, ids)


def compact_messages(desk: Desk, ids: tuple[int, ...]) -> None:
    """Have the model write a summary of messages; it comes as `DeskState.compaction`, to be taken or not."""
    chat = desk.state.chat
    if chat is None or is_busy(desk) or desk.state.engine.phase is not Phase.READY:
        desk.take(events.NoticeChanged(NOT_FREE))
        return
    compacting.begin(desk, chat, whole_exchanges(chat.messages, ids))


def accept_compaction(desk: Desk, text: str | None = None) -> None:
    """Let the summary, or the user's version of it, stand for its messages, which stay shown."""
    found = desk.state.compaction
    if found is not None and found.is_done and not is_busy(desk):
        compacting.accept(desk, found, (text if text is not None else found.text).strip())


def cancel_compaction(desk: Desk) -> None:
    """Stop the summary under way, or refuse the one that is there; nothing changes."""
    desk.driver.cancel("summary")
    desk.take(events.CompactionEnded())


# -------------------------------------------------------------------------------------------- parked chats


def park_chat(desk: Desk, chat_id: int) -> None:
    """Write a conversation's cache to a file."""
    if desk.state.engine.phase is Phase.READY:
        parking.park(desk, chat_id)
    else:
        desk.take(events.NoticeChanged(NOT_FREE))


def park_offer(desk: Desk) -> ParkOffer | None:
    """What parking before the program closes would spare; None where there is nothing worth it.

    With the setting "always" call `park_chat` and wait for `EngineState.parking` to be None before closing,
    with "ask" ask first.
    """
    offer = None if desk.settings.park == "never" else parking.offer_parking(desk)
    is_asked = desk.settings.park == "ask"
    return offer if offer is not None and (not is_asked or parking.is_worth_a_question(offer)) else None


def decline_parking(desk: Desk) -> None:
    """Leave the cache where it is; the offer goes."""
    desk.take(events.ParkOffered(None))


def unpark_chat(desk: Desk, chat_id: int) -> None:
    """Delete a conversation's parked cache."""
    desk.parked_files.drop((chat_id,))
