"""Keeps conversations in the store, on the store's own thread, and says so when it is done."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from kvdesk.chats.attachments import Attachment, write_attachments
from kvdesk.chats.files import read_chats, write_chats
from kvdesk.chats.kept import add_chats, read_chat
from kvdesk.chats.rows import StoredChat, StoredMessage
from kvdesk.chats.search import search
from kvdesk.chats.store import ChatStore
from kvdesk.chats.title import title_of
from kvdesk.errors import StoreError
from kvdesk.phrases import Phrase
from kvdesk.session import events
from kvdesk.session.background import Background, Job
from kvdesk.session.notices import notice_of
from kvdesk.session.state import ChatMessage, Conversation, Manner, Notice, Streaming
from kvdesk.session.stored import (
    conversation_of,
    message_of,
    summary_of,
    write_figures,
    write_sampling,
)

SAVE_EVERY_S = 0.5  # what a crash of this program may cost of an answer that is being written


@dataclass(slots=True)
class _Answer:
    """An answer that is being written. `row` belongs to the store's thread, the rest to the caller's."""

    chat_id: int
    question: int | None
    next_save_s: float
    row: int = 0


class Saving:
    """Every method returns at once; what was done comes back as an event, what failed goes to `on_error`."""

    def __init__(
        self,
        store: ChatStore,
        emit: Callable[[events.Happening], None],
        on_error: Callable[[Exception], None],
        clock: Callable[[], float],
        manner_of_new: Callable[[], Manner] = Manner,
    ) -> None:
        self._store = store
        self._emit = emit
        self._on_error = on_error
        self._clock = clock
        self._manner_of_new = manner_of_new  # asked on the caller's thread
        self._thread = Background("kvdesk-store", on_error)
        self._answer: _Answer | None = None
        self._writing_row = 0  # belongs to the store's thread
        self._unsaved_ids = count(-1, -1)

    def open(self, last_chat: int) -> None:
        """Open the file, list the conversations and show the one that was open last, else the latest."""
        add_chat = self._adding()

        def job() -> None:
            self._open()
            ids = [chat.id for chat in self._list()]
            if not ids:
                self._show(add_chat())
                self._list()
            else:
                self._show(last_chat if last_chat in ids else ids[0])

        self._thread.submit(job)

    def close(self, timeout_s: float) -> bool:
        """Write what is waiting and close the file; False when that took longer than `timeout_s`."""
        self._thread.submit(self._store.close)
        return self._thread.close(timeout_s)

    # ---------------------------------------------------------------------------------- conversations

    def new_chat(self) -> None:
        """Make an empty conversation and show it."""
        add_chat = self._adding()

        def job() -> None:
            chat_id = add_chat()
            self._list()
            self._show(chat_id)

        self._thread.submit(job)

    def open_chat(self, chat_id: int) -> None:
        """Show a conversation."""
        self._thread.submit(lambda: self._show(chat_id))

    def delete_chat(self, chat_id: int, show_another: bool) -> None:
        """Put a conversation out of sight; with `show_another` show the latest that is left, or a new one."""
        add_chat = self._adding()

        def job() -> None:
            self._store.delete_chat(chat_id)
            chats = self._list()
            if show_another:
                self._show(chats[0].id if chats else add_chat())
                if not chats:
                    self._list()

        self._thread.submit(job)

    def restore_chat(self, chat_id: int) -> None:
        """Bring a deleted conversation back and show it."""

        def job() -> None:
            self._store.restore_chat(chat_id)
            self._list()
            self._show(chat_id)

        self._thread.submit(job)

    def search(self, wanted: str) -> None:
        """Find what was said in any conversation; only the last of several searches matters."""
        self._thread.submit(
            lambda: self._emit(events.ChatsFound(wanted, search(self._store, wanted))), key="search"
        )

    def export_chats(self, ids: tuple[int, ...] | None, path: Path) -> None:
        """Write conversations, or (None) all of them, into a file; what became of it is told in a notice."""

        def job() -> None:
            wanted = ids if ids is not None else [chat.id for chat in self._store.list_chats()]
            chats = [read_chat(self._store, chat_id) for chat_id in wanted]
            chats = [chat for chat in chats if chat.messages]
            write_chats(chats, path)
            said = Phrase("{count} chats written to {path}.", count=len(chats), path=str(path))
            self._emit(events.NoticeChanged(Notice(said, is_error=False)))

        self._thread.submit(job)

    def import_chats(self, paths: Sequence[Path]) -> None:
        """Add the conversations in files, and show the first; a file with none is told of."""

        def job() -> None:
            added: tuple[int, ...] = ()
            problem: StoreError | None = None
            for path in paths:
                try:
                    added += add_chats(self._store, read_chats(path), time.time())
                except StoreError as error:
                    problem = error
            if added:
                self._list()
                self._show(added[0])
            read = Notice(Phrase("{count} chats read.", count=len(added)), is_error=False)
            self._emit(events.NoticeChanged(notice_of(problem) if problem is not None else read))

        self._thread.submit(job)

    def rename_chat(self, chat_id: int, title: str) -> None:
        """Give a conversation another title."""

        def job() -> None:
            self._store.change_chat(chat_id, title=title)
            self._list()

        self._thread.submit(job)

    def move_chat(self, chat_id: int, folder: str) -> None:
        """Put a conversation into a folder, or ("") out of any."""

        def job() -> None:
            self._store.change_chat(chat_id, folder=folder)
            self._list()

        self._thread.submit(job)

    def rename_folder(self, folder: str, name: str) -> None:
        """Give a folder another name, or ("") dissolve it."""

        def job() -> None:
            self._store.rename_folder(folder, name)
            self._list()

        self._thread.submit(job)

    def save_draft(self, chat: Conversation) -> None:
        """Keep what was typed and not sent."""
        self._thread.submit(
            lambda: self._store.change_chat(
                chat.id, draft=chat.draft, draft_attachments=write_attachments(chat.attachments)
            ),
            key=f"draft {chat.id}",
        )

    def save_manner(self, chat: Conversation) -> None:
        """Keep the system prompt and the sampler settings."""
        sampling = write_sampling(chat.sampling)
        self._thread.submit(
            lambda: self._store.change_chat(chat.id, system_prompt=chat.system_prompt, sampling=sampling),
            key=f"manner {chat.id}",
        )

    def save_overflow(self, chat: Conversation) -> None:
        """Keep what is to happen when the conversation's context is full."""
        self._thread.submit(lambda: self._store.change_chat(chat.id, overflow=chat.overflow))

    def run_on_store(self, job: Job) -> None:
        """Run a job of another part that works on the store, in its turn."""
        self._thread.submit(job)

    # ------------------------------------------------------------------------ what is in the context

    def mark(
        self,
        chat_id: int,
        messages: tuple[int, ...],
        *,
        is_pinned: bool | None = None,
        is_dropped: bool | None = None,
    ) -> None:
        """Pin messages or let go of them, leave them out of the context."""
        self._rearrange(
            chat_id, lambda: self._store.mark(chat_id, messages, is_pinned=is_pinned, is_dropped=is_dropped)
        )

    def bring_back(self, chat_id: int, messages: tuple[int, ...]) -> None:
        """Bring dropped messages back; a summary that stands for them gives way."""
        self._rearrange(chat_id, lambda: self._store.bring_back(chat_id, messages))

    def compact(self, chat_id: int, messages: tuple[int, ...], question: str, summary: str) -> None:
        """Put a question and a summary in the place of messages."""
        self._rearrange(chat_id, lambda: self._store.compact(chat_id, messages, question, summary))

    def show_branch(self, chat_id: int, message: int) -> None:
        """Show a message instead of its siblings, with what followed it."""
        self._rearrange(chat_id, lambda: self._store.show_branch(chat_id, message))

    def settle(self, chat_id: int) -> None:
        """Show again what gave way to an answer that will not come."""
        self._rearrange(chat_id, lambda: self._store.settle(chat_id))

    def _rearrange(self, chat_id: int, change: Job) -> None:
        def job() -> None:
            change()
            shown = self._shown(chat_id)[1]
            self._emit(events.MessagesChanged(chat_id, tuple(message_of(message) for message in shown)))

        self._thread.submit(job)

    # --------------------------------------------------------------------------------------- messages

    def send(
        self,
        chat_id: int | None,
        text: str,
        replaced: tuple[int, ...] = (),
        attachments: tuple[Attachment, ...] = (),
    ) -> None:
        """Store the user's message, then say so. Without a conversation (None) one is made and shown."""
        add_chat = self._adding()

        def job() -> None:
            try:
                chat = add_chat() if chat_id is None else chat_id
                if chat_id is None:
                    self._show(chat)
                self._thread.drop(f"draft {chat}")
                title = title_of(text) or title_of(" ".join(attached.name for attached in attachments))
                stored = self._store.send(chat, text, title, replaced, attachments)
            except StoreError as error:
                self._emit(events.SendFailed(notice_of(error)))
                return
            self._emit(events.MessageSent(chat, message_of(stored), replaced))
            self._list()

        self._thread.submit(job)

    def replace_answer(self, chat_id: int, replaced: tuple[int, ...]) -> None:
        """Set messages aside, so that the one before them is answered again."""

        def job() -> None:
            try:
                self._store.supersede(chat_id, replaced)
            except StoreError as error:
                self._emit(events.SendFailed(notice_of(error)))
                return
            self._emit(events.MessageSent(chat_id, None, replaced))

        self._thread.submit(job)

    def begin_answer(self, chat_id: int, question: int | None) -> None:
        """The answer to a message begins; `keep_answer` and `end_answer` are about it."""
        is_stored = question is not None and question > 0
        self._answer = _Answer(chat_id, question if is_stored else None, self._clock() + SAVE_EVERY_S)

    def keep_answer(self, streaming: Streaming) -> None:
        """Save what there is of the answer, at most every `SAVE_EVERY_S`."""
        answer = self._answer
        has_text = streaming.text or streaming.reasoning
        if answer is None or self._clock() < answer.next_save_s or not has_text:
            return
        answer.next_save_s = self._clock() + SAVE_EVERY_S
        so_far = ChatMessage(0, "assistant", streaming.text, streaming.reasoning, is_partial=True)
        self._thread.submit(lambda: self._write(answer, so_far), key="answer")

    def end_answer(self, message: ChatMessage, model: str, tokens: int | None) -> None:
        """Save the answer, whole or cut off; one that was cut off before its first word leaves nothing."""
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if message.is_partial and not message.content and not message.reasoning:
            self._emit(events.AnswerSaved(answer.chat_id, None))
            self.settle(answer.chat_id)
            return
        unsaved_id = next(self._unsaved_ids)

        def job() -> None:
            siblings: tuple[int, ...] = ()
            try:
                self._write(answer, message)
                siblings = self._store.siblings(answer.chat_id, answer.row)
                self._store.change_chat(answer.chat_id, model=model, tokens=tokens)
            except StoreError as error:
                self._on_error(error)
            self._writing_row = 0
            # Shown even if it could not be saved: the text is all that there is of it.
            shown = replace(message, id=answer.row or unsaved_id, siblings=siblings)
            self._emit(events.AnswerSaved(answer.chat_id, shown))
            self._list()

        self._thread.drop("answer")
        self._thread.submit(job)

    def _adding(self) -> Callable[[], int]:
        """What makes an empty conversation, on the store's thread, as new ones are to be now."""
        prompt, sampling = self._manner_of_new()
        return lambda: self._store.add_chat(prompt, write_sampling(sampling))

    # --------------------------------------------------------------------------- on the store's thread

    def _write(self, answer: _Answer, message: ChatMessage) -> None:
        if not answer.row:
            answer.row = self._writing_row = self._store.begin_answer(answer.chat_id, answer.question)
        self._store.save_answer(
            answer.row,
            message.content,
            message.reasoning,
            message.is_partial,
            message.reasoning_s,
            write_figures(message.figures),
        )

    def _open(self) -> None:
        try:
            self._store.open()
            self._store.sweep()
        except StoreError as error:
            self._on_error(error)
            try:
                self._store.open()  # a damaged file was set aside; this makes a new one
            except StoreError:
                self._store.open_in_memory()  # so that one can chat, with the notice shown

    def _show(self, chat_id: int) -> None:
        self._emit(events.ChatOpened(conversation_of(*self._shown(chat_id))))

    def _shown(self, chat_id: int) -> tuple[StoredChat, tuple[StoredMessage, ...]]:
        chat, messages = self._store.read_chat(chat_id)
        # An answer that is being written is shown by its stream, not by the row that is kept of it.
        return chat, tuple(message for message in messages if message.id != self._writing_row)

    def _list(self) -> tuple[StoredChat, ...]:
        chats = self._store.list_chats()
        self._emit(events.ChatsListed(tuple(summary_of(chat) for chat in chats)))
        return chats
