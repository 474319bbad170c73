"""What a person can do, one short function each; none of them waits for anything."""

import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from kvdesk import export
from kvdesk.chats.attachments import Attachment, read_file
from kvdesk.errors import ExportError, KvDeskError
from kvdesk.export import Written
from kvdesk.export.exporter import Launch, below_home
from kvdesk.export.shells import BY_NAME as SHELLS
from kvdesk.export.shells import ShellName
from kvdesk.phrases import Phrase
from kvdesk.plan.lens import LensRow, look
from kvdesk.plan.load_record import LoadRecord
from kvdesk.plan.offer import Advice
from kvdesk.plan.options import BY_NAME, LoadOptions
from kvdesk.plan.parse import check_value
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from kvdesk.session import answering, arithmetic, events, manner, remedies, serving, steps
from kvdesk.session.desk import Desk
from kvdesk.session.launching import is_model_there
from kvdesk.session.notices import notice_of
from kvdesk.session.report import Report, Say, form_of, write_report
from kvdesk.session.state import Notice, Phase

# ------------------------------------------------------------------------------------ models and options


def open_model(desk: Desk, source: str, options: LoadOptions | None = None) -> None:
    """Read a model's header: "demo", a path or a web address. Nothing is loaded.

    `options` are those to begin with; otherwise those used last with this model.
    """
    source = resolve_model(source)
    remembered = desk.settings.model_options
    desk.take(events.ModelOpening(source))

    def job() -> None:
        try:
            model = arithmetic.open_source(source)
        except KvDeskError as error:
            desk.put(events.OpenFailed(source, notice_of(error)))
            return
        known = remembered.get(arithmetic.identity(model.header))
        first = options if options is not None else arithmetic.first_options(model, known)
        desk.put(events.ModelOpened(source, model, first))

    if steps.is_remote(source):
        # A slow server must not keep the arithmetic, or the opening of another model, waiting.
        threading.Thread(target=job, name="kvdesk-remote-header", daemon=True).start()
    else:
        desk.background.submit(job, key="open")


def set_option(desk: Desk, name: str, value: object) -> None:
    """Set a launch option by its name; a value that it cannot have is told in a notice."""
    try:
        check_value(BY_NAME[name], value)
        changed = msgspec.to_builtins(desk.state.options) | {name: value}
        options = msgspec.convert(changed, LoadOptions)
    except KvDeskError as error:
        desk.take(events.NoticeChanged(notice_of(error)))
    except msgspec.ValidationError:
        label = Phrase(BY_NAME[name].spec.label)
        refused = Phrase("{option} cannot be “{value}”.", option=label, value=value)
        desk.take(events.NoticeChanged(Notice(refused)))
    else:
        steps.change_options(desk, events.OptionsChanged(options))


def take_launch(desk: Desk, model: str, options: LoadOptions) -> None:
    """Open a launch’s model with its options; where it is not here, set them for the open one."""
    if is_model_there(model):
        open_model(desk, model if steps.is_remote(model) else str(Path(model).expanduser()), options)
    elif desk.state.model is None:
        desk.take(events.NoticeChanged(steps.NOTHING_OPEN))
    else:
        steps.change_options(desk, events.OptionsChanged(options))


def take_advice(desk: Desk, offer: Advice) -> None:
    """Make all changes of an offer at once."""
    options = msgspec.structs.replace(desk.state.options, **dict(offer.changes))
    steps.change_options(desk, events.OptionsChanged(options))


def set_setting(desk: Desk, name: str, value: object) -> None:
    """Change a setting by its name; the figures that depend on it are computed again."""
    desk.change_settings(**{name: value})
    if name == "park_quota_bytes":
        desk.parked_files.keep_within(desk.settings.park_quota_bytes)
    desk.is_estimate_due = desk.is_fit_due = True


def forget_recent(desk: Desk, path: str) -> None:
    """Take a model off the recent list."""
    recent = tuple(other for other in desk.settings.recent_models if other != path)
    desk.change_settings(recent_models=recent)
    desk.take(events.RecentChanged(recent))


def exported(desk: Desk, target: str, shell: ShellName) -> Written:
    """Return the open model's launch for a target. Raises ExportError, without a model too."""
    if desk.opened is None:
        raise ExportError(steps.NOTHING_OPEN.message, steps.NOTHING_OPEN.hint)
    launch = Launch(below_home(desk.opened.card.path), desk.state.options, desk.opened.shape)
    return export.write(export.target(target), launch, SHELLS[shell])


def look_through_lens(desk: Desk) -> tuple[LensRow, ...]:
    """What a token takes of the open model's cache, here and in other engines; empty without a model."""
    return look(desk.opened.shape) if desk.opened is not None else ()


def clear_ledger(desk: Desk) -> None:
    """Forget the loads that were written down, and the margins that came of them."""
    desk.bookkeeper.clear()


def save_report(desk: Desk, record: LoadRecord, path: Path, say: Say, *, has_chat: bool) -> None:
    """Write a load as a file to send, with the graph if it is the last, and the open chat if wanted."""
    is_last = bool(desk.state.ledger) and desk.state.ledger[-1].id == record.id
    columns, marks = desk.history.columns(), desk.history.marks
    chat = desk.state.chat if has_chat else None
    messages = tuple((message.role, message.content) for message in chat.messages) if chat else ()

    def job() -> None:
        from kvdesk.session.run_drawing import draw_run

        drawing = draw_run(columns, marks, say) if is_last else ""
        try:
            write_report(Report(record, drawing, messages), path, form_of(path), say)
        except KvDeskError as error:
            desk.put(events.NoticeChanged(notice_of(error)))

    desk.background.submit(job, key="report")


def export_ledger(desk: Desk, path: Path) -> None:
    """Write the ledger as a table in CSV; that it could not be written is told in a notice."""
    desk.bookkeeper.export(path)


def export_history(desk: Desk, path: Path) -> None:
    """Write the live graph's history as a table in CSV; that it could not be written is told in a notice."""
    columns, marks = desk.history.columns(), desk.history.marks
    now_s, now = desk.clock(), datetime.now().astimezone()

    def job() -> None:
        from kvdesk.session.history_csv import export_csv

        try:
            export_csv(columns, marks, path, now_s, now)
        except KvDeskError as error:
            desk.put(events.NoticeChanged(notice_of(error)))

    desk.background.submit(job, key="history")


def tell_not_written(desk: Desk, path: Path) -> None:
    """Say that a file could not be written."""
    message = Phrase("{path} could not be written.", path=str(path))
    desk.take(
        events.NoticeChanged(Notice(message, Phrase("Choose another folder, or make room on the disk.")))
    )


# --------------------------------------------------------------------------------------------- the engine


def load_model(desk: Desk) -> None:
    """Load the open model with the options of the desk, replacing what is loaded."""
    steps.begin_load(desk)


def cancel_load(desk: Desk) -> None:
    """Stop the load under way."""
    desk.driver.cancel_load()


def unload_model(desk: Desk) -> None:
    """Free the loaded model."""
    if desk.driver.is_present:
        desk.driver.unload()


def reload_engine(desk: Desk) -> None:
    """Load again what was loaded when the engine ended, with the same options."""
    if desk.last_load is None:
        steps.begin_load(desk)
    else:
        steps.load(desk, *desk.last_load)


def take_remedy(desk: Desk) -> None:
    """Take the step that is offered after a failure: load with it, and answer what was cut off.

    An engine that hangs is ended first.
    """
    desk.remedy_to_take = remedies.offered(desk)
    if desk.remedy_to_take is not None and desk.remedy_to_take.ends_engine:
        desk.driver.give_up()


def open_endpoint(desk: Desk, host: str = "127.0.0.1", port: int = 8080, token: str = "") -> None:
    """Let other programs use what is loaded, now and later; `DeskState.endpoint` says where."""
    serving.open_endpoint(desk, host, port, token)


def close_endpoint(desk: Desk) -> None:
    """Let them no longer."""
    serving.close_endpoint(desk)


def stop_answer(desk: Desk) -> None:
    """Stop the answer under way; what there is of it stays."""
    answering.give_up(desk)
    desk.driver.cancel_turn()


# ------------------------------------------------------------------------------------------ conversations


def send_message(desk: Desk, text: str) -> None:
    """Send a message; a model that is open and not loaded is loaded first."""
    attachments = desk.state.chat.attachments if desk.state.chat is not None else ()
    if not (text.strip() or attachments) or is_busy(desk):
        return
    if desk.opened is None and not desk.state.opening and desk.state.engine.loaded is None:
        desk.take(events.NoticeChanged(steps.NOTHING_OPEN))
        return
    desk.is_send_under_way = True
    chat_id = desk.state.chat.id if desk.state.chat else None
    desk.saving.send(chat_id, text.strip(), attachments=attachments)


def regenerate(desk: Desk) -> None:
    """Answer the last message of the user again; the present answer becomes a branch beside it."""
    chat = desk.state.chat
    if chat is None or is_busy(desk):
        return
    last_user = _last_user(desk)
    if last_user is None:
        return
    desk.is_send_under_way = True
    desk.saving.replace_answer(chat.id, tuple(m.id for m in chat.messages[last_user + 1 :]))


def edit_last(desk: Desk, text: str) -> None:
    """Send another text in place of the user's last message; that and its answer are a branch."""
    last_user = _last_user(desk)
    if desk.state.chat is not None and last_user is not None:
        edit_message(desk, desk.state.chat.messages[last_user].id, text)


def edit_message(desk: Desk, message_id: int, text: str) -> None:
    """Send another text in place of a message of the user; that and all after it are a branch."""
    chat = desk.state.chat
    if chat is None or is_busy(desk):
        return
    ids = [message.id for message in chat.messages]
    edited = next((message for message in chat.messages if message.id == message_id), None)
    if edited is not None and edited.role == "user" and (text.strip() or edited.attachments):
        desk.is_send_under_way = True
        replaced = tuple(ids[ids.index(message_id) :])
        desk.saving.send(chat.id, text.strip(), replaced, edited.attachments)


def show_branch(desk: Desk, message_id: int) -> None:
    """Show a message in place of its sibling, with what followed it."""
    if desk.state.chat is not None and not is_busy(desk):
        desk.saving.show_branch(desk.state.chat.id, message_id)


def new_chat(desk: Desk) -> None:
    """Begin a conversation by the preset for new ones."""
    _keep_draft(desk)
    desk.saving.new_chat()


def open_chat(desk: Desk, chat_id: int) -> None:
    """Show a conversation."""
    _keep_draft(desk)
    desk.saving.open_chat(chat_id)


def search_chats(desk: Desk, wanted: str) -> None:
    """Look for something in all that was said; it comes as `DeskState.found`."""
    desk.saving.search(wanted)


def export_chats(desk: Desk, ids: tuple[int, ...] | None, path: Path) -> None:
    """Write conversations, or (None) all, into a file: Markdown by its name, else JSON with all branches."""
    manner.keep(desk)
    desk.saving.export_chats(ids, path)


def import_chats(desk: Desk, paths: Sequence[Path]) -> None:
    """Add the conversations in files, and show the first of them."""
    _keep_draft(desk)
    desk.saving.import_chats(paths)


def rename_chat(desk: Desk, chat_id: int, title: str) -> None:
    """Give a conversation another title."""
    if title.strip():
        desk.saving.rename_chat(chat_id, title.strip())


def move_chat(desk: Desk, chat_id: int, folder: str) -> None:
    """Put a conversation into a folder, which is made if it is new, or ("") out of any."""
    desk.saving.move_chat(chat_id, folder.strip())


def rename_folder(desk: Desk, folder: str, name: str) -> None:
    """Give a folder another name; ("") dissolves it and keeps its conversations."""
    desk.saving.rename_folder(folder, name.strip())


def delete_chat(desk: Desk, chat_id: int) -> None:
    """Delete a conversation; `undo_delete` brings it back, with the half of an answer that is under way."""
    chat, streaming = desk.state.chat, desk.state.streaming
    if streaming is not None and streaming.chat_id == chat_id:
        stop_answer(desk)
    manner.keep(desk)
    desk.parked_files.drop((chat_id,))
    desk.resting_tokens.pop(chat_id, None)
    gone = tuple(listed for listed in desk.state.chats if listed.id == chat_id)
    desk.take(events.DeletedChanged((*desk.state.deleted, *gone)))
    desk.saving.delete_chat(chat_id, show_another=chat is not None and chat.id == chat_id)


def undo_delete(desk: Desk) -> None:
    """Bring back the conversation that was deleted last, and show it."""
    if desk.state.deleted:
        *earlier, last = desk.state.deleted
        _keep_draft(desk)
        desk.take(events.DeletedChanged(tuple(earlier)))
        desk.saving.restore_chat(last.id)


def accept_deletes(desk: Desk) -> None:
    """Offer no more to bring deleted conversations back."""
    desk.take(events.DeletedChanged(()))


def draft_changed(desk: Desk, text: str) -> None:
    """Note what is in the composer; what sending it would cost is asked for when typing pauses."""
    if desk.state.chat is None:
        desk.early_draft = text
    desk.take(events.DraftChanged(text))
    desk.pause_due_s = desk.clock() + steps.PAUSE_S


def attach_files(desk: Desk, paths: Sequence[Path]) -> None:
    """Attach text files to the draft; what cannot be read is told in a notice."""
    chat_id = desk.state.chat.id if desk.state.chat is not None else None

    def job() -> None:
        for path in paths:
            try:
                desk.put(events.Attached(chat_id, (read_file(path),)))
            except KvDeskError as error:
                desk.put(events.NoticeChanged(notice_of(error)))

    desk.background.submit(job)


def attach_text(desk: Desk, name: str, text: str) -> None:
    """Attach a text that was pasted."""
    desk.put(events.Attached(None, (Attachment(name, text),)))


def detach(desk: Desk, place: int) -> None:
    """Take the attachment at a place away from the draft."""
    if desk.state.chat is not None:
        kept = list(desk.state.chat.attachments)
        del kept[place]
        desk.take(events.AttachmentsChanged(tuple(kept)))
        desk.pause_due_s = desk.clock()


def set_sampling(desk: Desk, sampling: Sampling) -> None:
    """Choose sampler settings for the open conversation."""
    desk.take(events.SamplingChanged(sampling))
    if desk.state.chat is not None:
        desk.saving.save_manner(desk.state.chat)


def set_system_prompt(desk: Desk, text: str) -> None:
    """Give the open conversation a system prompt; when typing pauses it is kept, and its cost asked for."""
    desk.take(events.SystemPromptChanged(text))
    desk.is_manner_unsaved = True
    desk.pause_due_s = desk.clock() + steps.PAUSE_S


def dismiss_notice(desk: Desk) -> None:
    """Take the notice away."""
    desk.take(events.NoticeChanged(None))


def is_busy(desk: Desk) -> bool:
    """Whether an answer is being written or a message is on its way, so that none can be sent."""
    engine_is_busy = desk.state.engine.phase in (Phase.PREFILL, Phase.DECODE)
    return engine_is_busy or desk.is_send_under_way or desk.wanted_answer is not None


def _last_user(desk: Desk) -> int | None:
    messages = desk.state.chat.messages if desk.state.chat else ()
    return next((i for i in reversed(range(len(messages))) if messages[i].role == "user"), None)


def _keep_draft(desk: Desk) -> None:
    if desk.state.chat is not None:
        desk.saving.save_draft(desk.state.chat)
    manner.keep(desk)
