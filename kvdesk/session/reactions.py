"""What the program does by itself when something happened: one short function per event."""

from kvdesk.engine import protocol
from kvdesk.memory.report import Device
from kvdesk.session import (
    alarms,
    answering,
    attaching,
    devices,
    events,
    parking,
    proofs,
    remedies,
    room,
    room_reactions,
    serving,
    steps,
)
from kvdesk.session.accounts import decode_of
from kvdesk.session.parts import Parts
from kvdesk.session.state import ChatMessage, TurnFigures
from kvdesk.units import MIB

# Free memory wobbles; estimates and fits follow it when it moved by this much.
NOTABLE_BYTES = 64 * MIB


def react(parts: Parts, event: events.Happening) -> None:  # noqa: C901 - one case per event
    """Do what follows from an event, which has been applied already."""
    match event:
        case events.ModelOpened():
            _model_opened(parts, event)
        case events.Estimated(cost_s=cost_s):
            parts.estimate_cost_s = cost_s
        case events.Sampled():
            _sampled(parts, event)
        case events.LedgerRead(records):
            parts.bookkeeper.know(records)
            _update_devices(parts)
            parts.is_fit_due = True  # another answer may have been measured
            proofs.find_proof(parts)
        case events.PlanFound():
            proofs.find_proof(parts)
        case events.ChatOpened(chat):
            parts.change_settings(last_chat=chat.id)
            if parts.early_draft:
                parts.take(events.DraftChanged(parts.early_draft))
                parts.early_draft = ""
            parts.pause_due_s = parts.clock()
        case events.MessageSent(chat_id):
            parts.is_send_under_way = False
            if parts.state.chat is not None and parts.state.chat.id == chat_id:
                answering.want_answer(parts, parts.state.chat)
        case events.EndpointAsked():
            serving.asked(parts, event)
        case events.EndpointLeft(ticket):
            serving.left(parts, ticket)
        case events.SendFailed():
            parts.is_send_under_way = False
        case events.FromEngine():
            _from_engine(parts, event)
        case _:
            room_reactions.react(parts, event)


def _model_opened(parts: Parts, event: events.ModelOpened) -> None:
    if parts.state.model is not event.model.card:
        return  # another model was asked for in the meantime
    parts.opened = event.model
    parts.kernels = ()
    parts.estimate_cost_s = float("inf")
    parts.is_estimate_due = parts.is_plan_due = parts.is_fit_due = True
    steps.remember_model(parts, event.model.card.path)
    parts.planner.ask_devices(event.options.rpc)


def devices_listed(parts: Parts, listed: tuple[Device, ...]) -> None:
    """llama.cpp said which devices there are."""
    parts.listed_devices = listed
    steps.ask_kernels(parts)
    _update_devices(parts)


def kernels_probed(parts: Parts, answers: tuple[protocol.KernelAnswer, ...]) -> None:
    """llama.cpp said for which pairs the devices compute attention."""
    parts.kernels = answers
    parts.is_fit_due = True


def _sampled(parts: Parts, event: events.Sampled) -> None:
    parts.last_sample = event.sample
    readings = devices.match(parts.listed_devices, event.sample)
    parts.history.add(event.sample, parts.state, readings)
    _update_devices(parts)
    parts.bookkeeper.sampled(event.sample)
    alarms.sampled(parts, event.sample.host, readings)
    if (report := parts.state.measured) is not None:
        measured = devices.with_drivers_share(report, parts.listed_devices, event.sample)
        if measured != report:
            parts.take(events.Measured(measured))


def greeted(parts: Parts, hello: protocol.Hello) -> None:
    """A process said which llama.cpp it has: margins belong to a version of it."""
    parts.bookkeeper.greeted(hello)
    _update_devices(parts)


def _update_devices(parts: Parts) -> None:
    found = parts.listed_devices
    if parts.last_sample is not None:
        found = devices.merge(found, parts.last_sample, parts.state.measured)
    found = parts.bookkeeper.with_margins(found)
    if not _differ(parts.state.devices, found):
        return
    parts.take(events.DevicesChanged(found))
    parts.is_estimate_due = parts.is_fit_due = True


def _differ(before: tuple[Device, ...], after: tuple[Device, ...]) -> bool:
    if [device.name for device in before] != [device.name for device in after]:
        return True
    pairs = zip(before, after, strict=True)
    return any(
        (a.driver, a.margin) != (b.driver, b.margin)
        or (a.free_bytes is None) != (b.free_bytes is None)
        or abs((a.free_bytes or 0) - (b.free_bytes or 0)) >= NOTABLE_BYTES
        for a, b in pairs
    )


# ---------------------------------------------------------------------------------------------- the engine


def _from_engine(parts: Parts, event: events.FromEngine) -> None:  # noqa: C901 - one case per event
    if event.purpose == "endpoint":
        serving.heard(parts, event.event)
        return
    match event.event:
        case protocol.Hello() as said:
            parts.sampler.watch(said.pid)
        case protocol.Loaded() as said:
            parts.bookkeeper.loaded(said)
            alarms.loaded(parts)
            room.learn_threads(parts, said)
            parts.mark("load", parts.state.model.name if parts.state.model else "")
            steps.remember_options(parts)
            room.find_curve(parts)
            proofs.find_proof(parts)
            parking.forget_engine(parts)
            if parts.state.chat is not None:
                parking.resume_if_parked(parts, parts.state.chat.id)
            answering.begin_wanted_answer(parts)
            attaching.count_anew(parts)
            parts.take(events.SystemPromptCounted(None))  # another model counts in its own way
            parts.pause_due_s = parts.clock()
        case protocol.TextPiece():
            if parts.state.streaming is not None:
                parts.saving.keep_answer(parts.state.streaming)
        case protocol.TurnDone() as said if event.purpose == "turn":
            _turn_done(parts, said)
        case protocol.Failed() | protocol.CancelledEvent() as said:
            _stopped(parts, event.purpose, said)
        case protocol.Unloaded():
            if not parts.driver.is_loading:  # else another load was asked for since
                parts.bookkeeper.ended()
            parts.mark("unload", "")
        case protocol.EngineExited() as said:
            if event.is_intended:
                parts.bookkeeper.ended()
            else:
                parts.bookkeeper.failed(said.cause, said.message)
            parts.sampler.watch(None)
            answering.give_up(parts)
            parking.forget_engine(parts)
            steps.end_partial_answer(parts)
            parts.mark("exit", said.message)
            serving.heard(parts, said)
            if not event.is_intended:
                remedies.after_end(parts, event.purpose, said)
        case _:
            room_reactions.from_engine(parts, event)


def _turn_done(parts: Parts, said: protocol.TurnDone) -> None:
    figures = TurnFigures(
        prompt_tokens=said.prompt_tokens,
        reused_tokens=said.reused_tokens,
        reread_tokens=said.reread_tokens,
        reread_reason=said.reread_reason,
        completion_tokens=said.completion_tokens,
        prefill_s=said.prefill_s,
        decode_s=said.decode_s,
        stop_reason=said.stop_reason,
        shifted_tokens=said.shifted_tokens,
        restored_from=said.restored_from,
        changed_message=said.changed_message,
        dropped=len(said.dropped),
    )
    is_partial = said.stop_reason == "cancelled"
    message = ChatMessage(
        0, "assistant", said.text, said.reasoning, said.reasoning_s, figures, is_partial=is_partial
    )
    steps.end_answer(parts, message)
    decode = decode_of(*parts.last_load, parts.state.devices, said) if parts.last_load is not None else None
    parts.bookkeeper.answered(decode)
    room.learn_reading(parts, said)
    alarms.answered(parts, said.prompt_tokens, said.completion_tokens, said.decode_s)
    if said.cache.chat.isdecimal():
        parking.note_turn(parts, int(said.cache.chat), said.cache)
    parts.mark("turn", "")


def _stopped(parts: Parts, purpose: events.Purpose, said: protocol.Failed | protocol.CancelledEvent) -> None:
    if isinstance(said, protocol.Failed):
        remedies.after_failure(parts, purpose, said)
    if purpose == "turn":
        steps.end_partial_answer(parts)
    elif purpose == "load":
        answering.give_up(parts)
        if isinstance(said, protocol.Failed):
            parts.bookkeeper.failed(said.kind, said.message)
        else:
            parts.bookkeeper.ended()
    else:
        room_reactions.stopped(parts, purpose, said)
