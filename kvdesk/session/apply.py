"""The one place where states are made: a state and something that happened give the next state."""

from dataclasses import replace
from itertools import takewhile

import msgspec

from kvdesk.engine import protocol
from kvdesk.memory.report import Refusal, completed
from kvdesk.plan.options import LoadOptions
from kvdesk.session import events
from kvdesk.session.apply_engine import from_engine, load_begun, turn_begun
from kvdesk.session.apply_room import room_changed
from kvdesk.session.state import (
    Attachment,
    ChatMessage,
    ChatSummary,
    Conversation,
    DeskState,
    EngineState,
    Notice,
    PairFit,
    Phase,
    SearchResult,
)


def apply(state: DeskState, event: events.Happening) -> DeskState:  # noqa: C901 - one case per event
    """Return the state after `event`. Events that no longer concern the state leave it as it is."""
    match event:
        case events.OptionsChanged(options):
            return _with_options(state, event) if options != state.options else state
        case events.Estimated() | events.FitsFound() | events.PlanFound() | events.Advised():
            return _answered(state, event) if _is_current(state, event) else state
        case events.DraftChanged(text):
            return _drafted(state, text)
        case events.Attached(chat_id, attachments):
            if state.chat is None or chat_id not in (None, state.chat.id):
                return state
            return _with_attachments(state, (*state.chat.attachments, *attachments))
        case events.AttachmentsChanged(attachments):
            return _with_attachments(state, attachments)
        case events.SamplingChanged(sampling):
            return replace(state, chat=replace(state.chat, sampling=sampling)) if state.chat else state
        case events.SystemPromptChanged(text):
            return replace(state, chat=replace(state.chat, system_prompt=text)) if state.chat else state
        case events.SystemPromptCounted(tokens):
            return replace(state, system_tokens=tokens)
        case events.PresetsChanged(presets, default, steps):
            return replace(state, presets=presets, default_preset=default, preset_steps=steps)
        case events.NoticeChanged(notice) | events.SendFailed(notice):
            return replace(state, notice=notice)
        case events.RecentChanged(paths):
            return replace(state, recent=paths)
        case events.ModelOpening(source):
            return replace(state, opening=source)
        case events.ModelOpened():
            return _model_opened(state, event)
        case events.OpenFailed(source, notice):
            return replace(state, opening="", notice=notice) if state.opening == source else state
        case events.DevicesChanged(devices):
            return replace(state, devices=devices)
        case events.LedgerRead(records):
            return replace(state, ledger=records)
        case events.Sampled():
            return replace(state, samples=state.samples + 1)
        case events.Measured(report):
            return replace(state, measured=report) if state.measured is not None else state
        case events.EngineStarting():
            return replace(state, engine=EngineState(phase=Phase.STARTING), measured=None)
        case events.LoadBegun():
            return load_begun(state)
        case events.TurnBegun(chat_id):
            return turn_begun(state, chat_id)
        case events.FromEngine():
            return from_engine(state, event)
        case events.ChatsFound(wanted, found):
            excerpts = {each.chat_id: each.excerpt for each in found}
            return replace(state, found=SearchResult(wanted, excerpts))
        case events.DeletedChanged(deleted):
            return replace(state, deleted=deleted)
        case events.ChatsListed(chats):
            return _listed(state, chats)
        case events.ChatOpened(chat):
            return _opened(state, chat)
        case events.MessagesChanged(chat_id, messages):
            return _rearranged(state, chat_id, messages)
        case events.MessageSent():
            return _message_sent(state, event)
        case events.AnswerSaved():
            return _answer_saved(state, event)
        case _:
            return room_changed(state, event)


# ------------------------------------------------------------------------------------- model and options


def _with_options(state: DeskState, event: events.OptionsChanged) -> DeskState:
    # The estimate of the earlier options is kept until the new one, which is moments away; the plan is
    # not, because llama.cpp may take longer and a stale plan must never pass for the current one.
    keeps_fits = without_fitted(event.options) == without_fitted(state.options)
    fits = state.fits if keeps_fits else ()
    return replace(
        state,
        options=event.options,
        plan=None,
        plan_options=None,
        plan_notice=None,
        refusals=(),
        fits=fits,
        max_ctx_size=_max_ctx_size(fits, event.options),
    )


def _model_opened(state: DeskState, event: events.ModelOpened) -> DeskState:
    if state.opening != event.source:
        return state  # another model was asked for in the meantime
    return replace(
        state,
        model=event.model.card,
        opening="",
        options=event.options,
        estimate=None,
        plan=None,
        plan_options=None,
        plan_notice=None,
        refusals=(),
        fits=(),
        advice=(),
        max_ctx_size=None,
    )


_Answer = events.Estimated | events.FitsFound | events.PlanFound | events.Advised


def _is_current(state: DeskState, event: _Answer) -> bool:
    if state.model is None or state.model.path != event.path:
        return False
    if isinstance(event, events.FitsFound):
        return without_fitted(event.options) == without_fitted(state.options)
    return event.options == state.options


def without_fitted(options: LoadOptions) -> LoadOptions:
    """Return the options with the three that the search for the largest context varies set to one value."""
    return msgspec.structs.replace(options, ctx_size=0, cache_type_k="f16", cache_type_v="f16")


def _max_ctx_size(fits: tuple[PairFit, ...], options: LoadOptions) -> int | None:
    pair = (options.cache_type_k, options.cache_type_v)
    return next((fit.max_ctx_size for fit in fits if (fit.cache_type_k, fit.cache_type_v) == pair), None)


def _answered(state: DeskState, event: _Answer) -> DeskState:
    match event:
        case events.Estimated():
            refusals = _with_planners(event.refusals, state.plan_notice)
            plan = completed(state.plan, event.report) if state.plan and event.report else state.plan
            return replace(state, estimate=event.report, plan=plan, refusals=refusals)
        case events.FitsFound(fits=fits):
            return replace(state, fits=fits, max_ctx_size=_max_ctx_size(fits, state.options))
        case events.Advised(advice=advice):
            return replace(state, advice=advice)
        case events.PlanFound(planned=protocol.Planned() as planned):
            plan = completed(planned.report, state.estimate) if state.estimate else planned.report
            return replace(state, plan=plan, plan_options=planned.options, plan_notice=None)
        case events.PlanFound():
            refusals = _with_planners(state.refusals, event.notice)
            return replace(state, plan=None, plan_options=None, plan_notice=event.notice, refusals=refusals)


def _with_planners(refusals: tuple[Refusal, ...], notice: Notice | None) -> tuple[Refusal, ...]:
    """Add what llama.cpp itself refused, unless our own arithmetic has said it already."""
    if notice is None or any(not refusal.is_warning for refusal in refusals):
        return refusals
    return (*refusals, Refusal("", notice.message, notice.hint))


# ------------------------------------------------------------------------------------------ conversations


def _listed(state: DeskState, chats: tuple[ChatSummary, ...]) -> DeskState:
    chat = state.chat
    title = next((listed.title for listed in chats if chat and listed.id == chat.id), None)
    if chat is not None and title is not None and title != chat.title:
        chat = replace(chat, title=title)
    return replace(state, chats=chats, chat=chat)


def _opened(state: DeskState, chat: Conversation) -> DeskState:
    # A summary in the making belongs to the conversation that it was asked for; so does what was counted.
    is_same = state.chat is not None and state.chat.id == chat.id
    compaction = state.compaction if is_same else None
    return replace(
        state,
        chat=chat,
        send_cost=None,
        read_cost=None,
        system_tokens=None,
        message_tokens=(),
        overflow=None,
        compaction=compaction,
    )


def _rearranged(state: DeskState, chat_id: int, messages: tuple[ChatMessage, ...]) -> DeskState:
    if state.chat is None or state.chat.id != chat_id:
        return state
    chat = replace(state.chat, messages=messages)
    return replace(state, chat=chat, send_cost=None, read_cost=None, message_tokens=(), overflow=None)


def _drafted(state: DeskState, text: str) -> DeskState:
    if state.chat is None or state.chat.draft == text:
        return state
    # The cost of the text a moment ago is near enough while typing; that of no text is none.
    cost, overflow = (state.send_cost, state.overflow) if text.strip() else (None, None)
    return replace(state, chat=replace(state.chat, draft=text), send_cost=cost, overflow=overflow)


def _with_attachments(state: DeskState, attachments: tuple[Attachment, ...]) -> DeskState:
    return replace(state, chat=replace(state.chat, attachments=attachments)) if state.chat else state


def _message_sent(state: DeskState, event: events.MessageSent) -> DeskState:
    if state.chat is None or state.chat.id != event.chat_id:
        return state
    kept = tuple(message for message in state.chat.messages if message.id not in event.replaced)
    if event.message is None:
        return replace(state, chat=replace(state.chat, messages=kept))
    # The composer's text was this message, unless the user has already typed on.
    draft = "" if state.chat.draft.strip() == event.message.content else state.chat.draft
    sent = event.message.attachments
    waiting = tuple(attached for attached in state.chat.attachments if attached not in sent)
    chat = replace(state.chat, messages=(*kept, event.message), draft=draft, attachments=waiting)
    return replace(state, chat=chat)


def _answer_saved(state: DeskState, event: events.AnswerSaved) -> DeskState:
    streaming = state.streaming
    if streaming is not None and streaming.chat_id == event.chat_id:
        streaming = None
    chat = state.chat
    if chat is not None and chat.id == event.chat_id and event.message is not None:
        # An earlier answer may be shown again since this one was asked for.
        beside = event.message.siblings
        kept = takewhile(lambda message: message.id not in beside, chat.messages)
        chat = replace(chat, messages=(*kept, event.message))
    return replace(state, streaming=streaming, chat=chat)
