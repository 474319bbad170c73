"""What the program does to keep caches that rest on disk, and to take them back when they are needed."""

from pathlib import Path

from kvdesk.chats.rows import ParkedCache
from kvdesk.engine import protocol
from kvdesk.errors import KvDeskError
from kvdesk.phrases import Phrase
from kvdesk.session import events
from kvdesk.session.arithmetic import identity
from kvdesk.session.parts import Parts
from kvdesk.session.state import Notice, ParkOffer, Phase
from kvdesk.units import format_duration

LONG_S = 15.0  # to read again, from which on one is asked about it when the program closes
MANY_TOKENS = 4096  # the same where no speed was measured yet
FEWEST_PARKED = 256  # tokens; fewer are read again faster than a file is asked for


def model_of(parts: Parts) -> str:
    """The loaded model's short name by its content; "" without one."""
    return identity(parts.last_load[0].header) if parts.last_load is not None else ""


def note_turn(parts: Parts, chat_id: int, said: protocol.CacheReport) -> None:
    """The engine holds a conversation's cache, which is newer than what is parked of it."""
    parts.in_engine.add(chat_id)
    parts.resting_tokens[chat_id] = said.cells_used
    parts.active_s = parts.clock()


def is_worth_a_question(offer: ParkOffer) -> bool:
    """Whether reading a conversation again takes so long that one asks before the program closes."""
    if offer.reread_s is None:
        return offer.tokens >= MANY_TOKENS
    return offer.reread_s >= LONG_S


def offer_parking(parts: Parts) -> ParkOffer | None:
    """The conversation that could be parked: the latest with a cache worth a file; None without one."""
    loaded, load = parts.state.engine.loaded, parts.last_load
    worth = [(chat, n) for chat, n in parts.resting_tokens.items() if n >= FEWEST_PARKED]
    if not worth or loaded is None or load is None or parts.state.engine.phase is not Phase.READY:
        return None
    from kvdesk.plan.ladder import state_bytes_of

    chat_id, tokens = worth[-1]
    try:
        n_bytes = state_bytes_of(load[0].shape, loaded.options, parts.state.devices, tokens)
    except KvDeskError:
        return None
    return ParkOffer(chat_id, n_bytes, tokens, parts.curve.seconds(0, tokens))


def idle(parts: Parts) -> None:
    """Called with each tick: offer to park what rests, or do it, as the settings say."""
    rests_s = parts.settings.park_idle_minutes * 60
    is_quiet = parts.state.engine.parking is None and parts.state.park_offer is None
    if parts.settings.park == "never" or not parts.resting_tokens or not is_quiet:
        return
    if parts.clock() - parts.active_s < rests_s:
        return
    offer = offer_parking(parts)
    parts.active_s = parts.clock()  # one offer in each such time
    if offer is None:
        return
    if parts.settings.park == "always":
        park(parts, offer.chat_id)
    else:
        parts.take(events.ParkOffered(offer))


def park(parts: Parts, chat_id: int) -> None:
    """Write a conversation's cache to a file; the earlier one stays until it is whole."""
    if parts.state.engine.loaded is None or parts.state.engine.parking is not None:
        return
    model = model_of(parts)
    parts.take(events.ParkBegun(chat_id))
    parts.parked_files.find_place(chat_id, model)


def place_found(parts: Parts, chat_id: int, path: str) -> None:
    """The folder is there: have the engine write the file. Without a place nothing is parked."""
    if path and parts.driver.is_present and parts.state.engine.loaded is not None:
        parts.driver.park(chat_id, path)


def was_parked(parts: Parts, said: protocol.Parked) -> None:
    """List the file; what was not used for longest goes when there is too much."""
    chat_id = int(said.chat)
    parts.resting_tokens.pop(chat_id, None)
    reread_s = parts.curve.seconds(0, said.tokens)
    cache = ParkedCache(chat_id, said.path, model_of(parts), said.n_bytes, said.tokens, reread_s)
    parts.parked_files.add(cache, parts.settings.park_quota_bytes)


def forget_engine(parts: Parts) -> None:
    """A model was loaded: nothing that an earlier one held is in it."""
    parts.resting_tokens.clear()
    parts.in_engine.clear()


def resume_if_parked(parts: Parts, chat_id: int) -> None:
    """Take a conversation's cache from its file, unless the engine has it; what is asked next waits."""
    if parts.state.engine.loaded is None or chat_id in parts.in_engine:
        return
    model = model_of(parts)
    found = (cache for cache in parts.state.parked if cache.chat_id == chat_id and cache.model == model)
    cache = next(found, None)
    parts.in_engine.add(chat_id)
    if cache is not None and Path(cache.file).is_file():
        parts.driver.resume(chat_id, cache.file)


def was_resumed(parts: Parts, said: protocol.Resumed) -> None:
    """Say what it spared."""
    chat_id = int(said.chat)
    parts.parked_files.used(chat_id)
    spared = parts.curve.seconds(0, said.tokens)
    if spared is not None and spared > said.elapsed_s:
        text = Phrase(
            "This chat's cache came back from disk in {seconds}; reading it again would take {spared}.",
            seconds=format_duration(said.elapsed_s),
            spared=format_duration(spared),
        )
        parts.take(events.NoticeChanged(Notice(text, is_error=False)))


def not_resumed(parts: Parts, said: protocol.Failed) -> None:
    """Say why a parked cache was of no use; the conversation is read again."""
    text = Phrase("This chat is read again: {why}", why=said.message)
    parts.take(events.NoticeChanged(Notice(text, said.hint, is_error=False)))
