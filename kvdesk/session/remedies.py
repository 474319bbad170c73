"""What the program does about a failure: offers the next step as one action, notices an engine that hangs."""

from kvdesk.engine import protocol
from kvdesk.errors import OutOfMemory
from kvdesk.phrases import Phrase
from kvdesk.plan.remedy import END_AND_LOAD, RemedyOffer, remedy_for
from kvdesk.session import events, steps
from kvdesk.session.parts import Parts
from kvdesk.session.state import Notice

SILENT_S = (
    20.0  # without a word while its processor time stands still; a ubatch on a slow device keeps it busy
)
BUSY_PERCENT = 1.0

HANGS = Notice(
    Phrase("The engine has stopped working: it says nothing and uses no processor time."),
    Phrase("Wait, if another computer or a debugger holds it up; else end it. The chat is kept."),
)


def after_failure(parts: Parts, purpose: events.Purpose, said: protocol.Failed) -> None:
    """Offer what may help after a command that failed, where its cause is memory."""
    if said.kind == OutOfMemory.__name__ and purpose in ("load", "turn", "summary", "rehearsal"):
        _offer(parts, "out_of_memory", said.message, purpose)


def after_end(parts: Parts, purpose: events.Purpose, said: protocol.EngineExited) -> None:
    """Offer what may help after the end of the process, which was at a command of this purpose."""
    if said.cause != "start_failed":
        _offer(parts, said.cause, said.message, purpose)


def watch(parts: Parts) -> None:
    """Notice an engine that has work, says nothing and does nothing; tell it once."""
    now_s, sample = parts.clock(), parts.last_sample
    busy = sample.host.process_cpu_percent if sample is not None else None
    is_idle = busy is not None and busy < BUSY_PERCENT
    if not parts.driver.is_working or not is_idle:
        parts.engine_seen_s = now_s
    elif now_s - parts.engine_seen_s > SILENT_S and parts.last_load is not None and not _is_told(parts):
        remedy = RemedyOffer(parts.last_load[1], END_AND_LOAD, ends_engine=True)
        parts.take(events.NoticeChanged(HANGS))
        parts.take(events.RemedyFound(remedy))


def heard(parts: Parts) -> None:
    """The engine said something: it does not hang."""
    parts.engine_seen_s = parts.clock()
    if _is_told(parts):
        parts.take(events.NoticeChanged(None))


def offered(parts: Parts) -> RemedyOffer | None:
    """The step that is offered now."""
    for notice in (parts.state.engine.ended, parts.state.notice):
        if notice is not None and notice.remedy is not None:
            return notice.remedy
    return None


def take_when_free(parts: Parts) -> None:
    """Take the step that was chosen, once the engine that hung has ended and what it had answered is kept."""
    remedy = parts.remedy_to_take
    if remedy is None or parts.last_load is None or parts.state.streaming is not None:
        return
    if remedy.ends_engine and parts.driver.is_present:
        return
    parts.remedy_to_take = None
    model, _ = parts.last_load
    if model is parts.opened:
        steps.change_options(parts, events.OptionsChanged(remedy.options))
    parts.take(events.NoticeChanged(None))
    steps.load(parts, model, remedy.options)
    _answer_what_was_cut_off(parts)


def _answer_what_was_cut_off(parts: Parts) -> None:
    """Have the last message answered, if it is not; a part of an answer is set aside, not deleted."""
    chat = parts.state.chat
    if chat is None or not chat.messages or parts.is_send_under_way or parts.wanted_answer is not None:
        return
    last = chat.messages[-1]
    if last.role == "user" or last.is_partial:
        parts.is_send_under_way = True
        parts.saving.replace_answer(chat.id, (last.id,) if last.is_partial else ())


def _is_told(parts: Parts) -> bool:
    return parts.state.notice is not None and parts.state.notice.message == HANGS.message


def _offer(parts: Parts, cause: protocol.ExitCause, message: Phrase, purpose: events.Purpose) -> None:
    if parts.last_load is None:
        return
    (model, options), devices = parts.last_load, parts.state.devices
    reserve_bytes, is_load = parts.settings.reserve_bytes, purpose == "load"
    offer = remedy_for(cause, message, model.shape, options, devices, reserve_bytes, while_loading=is_load)
    if offer is not None:
        parts.take(events.RemedyFound(offer))
