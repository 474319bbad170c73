"""What the program does towards an answer, a plan or an estimate, whoever asked for it."""

from kvdesk.chats.attachments import prompt_text
from kvdesk.phrases import Phrase
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.paces import thread_key
from kvdesk.session import arithmetic, attaching, events, manner, obstacles, parking, room
from kvdesk.session.accounts import Account, open_account
from kvdesk.session.apply import without_fitted
from kvdesk.session.kernels import kernel_question
from kvdesk.session.notices import notice_of
from kvdesk.session.opened import OpenedModel
from kvdesk.session.parts import Parts
from kvdesk.session.state import ChatMessage, Notice, Phase

IN_PLACE_S = 0.002  # arithmetic that takes no longer than this may run between two frames
PAUSE_S = 0.3  # without a key this long, the draft is kept and the cost of sending it asked for
RECENT = 12  # model paths remembered

NOTHING_OPEN = Notice(Phrase("No model is open."), Phrase("Open a GGUF file, or the built-in demo model."))
REMOTE = Notice(
    Phrase("A model at a web address can be estimated but not loaded."),
    Phrase("Download the file and open it from this disk."),
)


# ------------------------------------------------------------------------------------ estimates and plans


def refresh_estimate(parts: Parts) -> None:
    """Bring estimate and plan up to the current options; called once a frame when they changed."""
    model = parts.opened
    if model is None:
        return
    options, devices = parts.state.options, parts.state.devices
    if parts.estimate_cost_s < IN_PLACE_S:
        estimated = arithmetic.estimate_of(model, options, devices)
        parts.estimate_cost_s = estimated.cost_s
        parts.take(estimated)
    else:
        parts.background.submit(
            lambda: parts.put(arithmetic.estimate_of(model, options, devices)), key="estimate"
        )


def refresh_plan(parts: Parts) -> None:
    """Ask llama.cpp for the plan of the current options, which are newer than what it was asked last."""
    if parts.opened is None or is_remote(parts.opened.card.path):
        return
    parts.planner.ask_plan(parts.opened.card.path, parts.state.options)


def refresh_fits(parts: Parts) -> None:
    """Find the largest contexts anew; pairs and context do not matter to them, all else does."""
    model = parts.opened
    if model is None:
        return
    options, devices, kernels = parts.state.options, parts.state.devices, parts.kernels
    reserve, records, library = parts.settings.reserve_bytes, parts.state.ledger, parts.bookkeeper.library
    parts.searches.submit(
        lambda: parts.put(arithmetic.fits_of(model, options, devices, reserve, kernels, records, library)),
        key="fits",
    )


def refresh_advice(parts: Parts) -> None:
    """Find anew what would make the current options fit; called when an estimate is."""
    model = parts.opened
    if model is None:
        return
    options, devices, reserve = parts.state.options, parts.state.devices, parts.settings.reserve_bytes
    parts.searches.submit(
        lambda: parts.put(arithmetic.advice_of(model, options, devices, reserve)), key="advice"
    )


def ask_kernels(parts: Parts) -> None:
    """Ask which pairs the GPUs compute attention for, if there is a model and a GPU to ask about."""
    if parts.opened is None or all(device.kind == "cpu" for device in parts.listed_devices):
        return
    if question := kernel_question(parts.opened.shape, parts.state.options.rpc):
        parts.planner.ask_kernels(question)


def change_options(parts: Parts, event: events.OptionsChanged) -> None:
    """Take other options; estimate, plan and fits follow before the next frame."""
    before = parts.state.options
    parts.take(event)
    if event.options == before:
        return
    parts.is_estimate_due = parts.is_plan_due = True
    parts.is_fit_due = parts.is_fit_due or without_fitted(event.options) != without_fitted(before)
    if event.options.rpc != before.rpc:
        parts.planner.ask_devices(event.options.rpc)


def is_remote(path: str) -> bool:
    """Whether a model is an address on the web."""
    return path.lower().startswith(("http://", "https://"))


# --------------------------------------------------------------------------------------- loading, answers


def begin_load(parts: Parts) -> bool:
    """Load the open model with the options of the desk; False, with a notice, when it cannot be."""
    model = parts.opened
    if model is None or is_remote(model.card.path):
        parts.take(events.NoticeChanged(NOTHING_OPEN if model is None else REMOTE))
        return False
    state = parts.state
    estimated = arithmetic.estimate_of(model, state.options, state.devices)
    obstacle = obstacles.against_load(estimated.report, estimated.refusals, state.devices, state.max_ctx_size)
    if obstacle is not None:
        parts.take(events.NoticeChanged(notice_of(obstacle)))
        return False
    load(parts, model, state.options)
    return True


def load(parts: Parts, model: OpenedModel, options: LoadOptions) -> None:
    """Load a model, starting the engine when it is not there."""
    parts.bookkeeper.begin(_account_of(parts, model, options))
    if any(device.kind == "gpu" for device in parts.state.devices):
        parts.planner.rest()  # its GPU context takes memory that the load may need
    if not parts.driver.is_present:
        parts.take(events.EngineStarting())
        parts.driver.start()
    known_threads = parts.paces.threads.get(thread_key(model.card.file_bytes, parts.listed_devices), 0)
    parts.driver.load(model.card.path, options, known_threads)
    parts.last_load = (model, options)
    parts.take(events.LoadBegun())


def _account_of(parts: Parts, model: OpenedModel, options: LoadOptions) -> Account:
    """What is expected of a load, for the ledger."""
    state = parts.state
    estimated = arithmetic.estimate_of(model, options, state.devices).report
    planned = state.plan if parts.opened is model and options == state.options else None
    before = None if parts.driver.is_present else parts.last_sample
    return open_account(model, options, estimated, planned, state.devices, before)


def end_answer(parts: Parts, message: ChatMessage) -> None:
    """Keep an answer, whole or cut off; it is shown once it is stored."""
    loaded, cache = parts.state.engine.loaded, parts.state.engine.cache
    parts.saving.end_answer(message, loaded.path if loaded else "", cache.cells_used if cache else None)


def end_partial_answer(parts: Parts) -> None:
    """Keep what there is of the answer that will not be finished."""
    streaming = parts.state.streaming
    if streaming is not None:
        end_answer(parts, ChatMessage(0, "assistant", streaming.text, streaming.reasoning, is_partial=True))


def typing_paused(parts: Parts) -> None:
    """Keep the draft, and ask what it and the conversation take if the engine is free to say."""
    chat = parts.state.chat
    parts.pause_due_s = None
    if chat is not None and not parts.is_send_under_way:
        parts.saving.save_draft(chat)
    manner.keep(parts)
    manner.count(parts)
    if parts.state.engine.phase is not Phase.READY or chat is None or parts.wanted_answer is not None:
        return
    draft = prompt_text(chat.draft.strip(), chat.attachments)
    if draft:
        parking.resume_if_parked(parts, chat.id)
    room.count(parts, chat, draft=draft)
    attaching.count_next(parts)


def remember_model(parts: Parts, path: str) -> None:
    """Put a model at the head of the recent ones."""
    recent = (path, *(other for other in parts.settings.recent_models if other != path))[:RECENT]
    parts.change_settings(recent_models=recent, last_model=path)
    parts.take(events.RecentChanged(recent))


def remember_options(parts: Parts) -> None:
    """Keep the options of the desk for the next time this model is opened."""
    if parts.opened is not None:
        kept = dict(parts.settings.model_options)
        kept[arithmetic.identity(parts.opened.header)] = arithmetic.changed_options(parts.state.options)
        parts.change_settings(model_options=kept)
