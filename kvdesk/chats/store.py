"""Conversations on disk, so that nothing which was said is lost.

One object, one connection, one thread: the session gives the store a thread of its own and every call is
made there, in order, so that no lock is ever waited for in the window. Other processes (a second window, a
backup) are kept apart by SQLite's write-ahead log. A commit is on the disk when the call returns
(synchronous=FULL).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kvdesk.chats.attachments import Attachment, read_attachments, write_attachments
from kvdesk.chats.branches import Tree, choose, show_chosen
from kvdesk.chats.faults import explained, is_damage, set_aside
from kvdesk.chats.rows import StoredChat, StoredMessage, StoredRole
from kvdesk.chats.schema import VERSION, migrate, version_of
from kvdesk.errors import StoreError

UNDO_S = 3600.0  # how long a deleted conversation can come back
BUSY_S = 5.0  # how long another process's write is waited for

_CHAT = (
    "id, title, system_prompt, sampling, draft, model, created_s, updated_s, tokens, overflow,"
    " draft_attachments, folder"
)
_MESSAGE = (
    "id, role, content, reasoning, reasoning_s, figures, is_partial, is_superseded, created_s, is_pinned,"
    " is_dropped, stands_for, attachments"
)


class ChatStore:
    """The file of conversations. Every method may raise StoreError; call them from one thread."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._open: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open or create the file.

        A damaged file is renamed, never deleted, and StoreError says so; opening again then starts a new one.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        except (sqlite3.Error, OSError) as error:
            raise explained(error, self._path) from error
        try:
            self._prepare(connection)
        except BaseException as error:
            connection.close()  # before a damaged file is renamed: Windows does not rename an open one
            if is_damage(error):
                raise set_aside(self._path) from error
            if isinstance(error, sqlite3.Error):
                raise explained(error, self._path) from error
            raise
        self._open = connection

    def open_in_memory(self) -> None:
        """Go on without a file: nothing will be there after the end of the program."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        self._prepare(connection)
        self._open = connection

    def close(self) -> None:
        """Write the log back into the file and close it."""
        if self._open is not None:
            self._open.close()
            self._open = None

    @contextmanager
    def access(self) -> Iterator[sqlite3.Connection]:
        """The open file, for what else in this room is kept in it; its errors become StoreError."""
        if self._open is None:
            raise StoreError("The conversations are not open.", "Restart KV Desk.")
        try:
            yield self._open
        except (sqlite3.Error, OSError) as error:
            raise explained(error, self._path) from error

    # -------------------------------------------------------------------------------------- conversations

    def list_chats(self) -> tuple[StoredChat, ...]:
        """All conversations that are not deleted, latest first."""
        with self.access() as db:
            rows = db.execute(
                f"SELECT {_CHAT} FROM chats WHERE deleted_s IS NULL ORDER BY updated_s DESC, id DESC"
            )
            return tuple(_chat(row) for row in rows)

    def read_chat(self, chat_id: int) -> tuple[StoredChat, tuple[StoredMessage, ...]]:
        """One conversation and the messages that are shown, oldest first."""
        with self.access() as db:
            chat = db.execute(
                f"SELECT {_CHAT} FROM chats WHERE id = ? AND deleted_s IS NULL", (chat_id,)
            ).fetchone()
        if chat is None:
            raise _gone()
        messages = {message.id: message for message in self.all_messages(chat_id)}
        with self.access() as db:
            shown = Tree(db, chat_id).shown()
        return _chat(chat), tuple(messages[message_id] for message_id in shown)

    def all_messages(self, chat_id: int) -> tuple[StoredMessage, ...]:
        """Every message of a conversation, those of other branches too, oldest first."""
        with self.access() as db:
            tree = Tree(db, chat_id)
            rows = db.execute(f"SELECT {_MESSAGE} FROM messages WHERE chat_id = ? ORDER BY id", (chat_id,))
            return tuple(_message(row, tree.siblings(row["id"])) for row in rows)

    def add_chat(self, system_prompt: str = "", sampling: str = "") -> int:
        """Return the id of an empty conversation; one that was never used is taken again."""
        with self.access() as db:
            unused = db.execute(
                "SELECT id FROM chats WHERE title = '' AND draft || draft_attachments = ''"
                " AND system_prompt = ? AND sampling = ? AND deleted_s IS NULL"
                " AND NOT EXISTS (SELECT 1 FROM messages WHERE chat_id = chats.id) ORDER BY id DESC LIMIT 1",
                (system_prompt, sampling),
            ).fetchone()
            if unused is not None:
                db.execute("UPDATE chats SET updated_s = ? WHERE id = ?", (self._now(), unused[0]))
                return int(unused[0])
            now = self._now()
            made = db.execute(
                "INSERT INTO chats (system_prompt, sampling, created_s, updated_s) VALUES (?, ?, ?, ?)",
                (system_prompt, sampling, now, now),
            )
            return _row_id(made)

    def change_chat(self, chat_id: int, **columns: str | int | None) -> None:
        """Set columns of a conversation: title, system_prompt, sampling, draft, model, tokens, overflow,
        draft_attachments (as `write_attachments` returns them), folder.
        """
        known = {"title", "system_prompt", "sampling", "draft", "model", "tokens", "overflow"}
        known |= {"draft_attachments", "folder"}
        unknown = columns.keys() - known
        assert not unknown, unknown
        changes = ", ".join(f"{name} = ?" for name in columns)
        with self.access() as db:
            db.execute(f"UPDATE chats SET {changes} WHERE id = ?", (*columns.values(), chat_id))

    def delete_chat(self, chat_id: int) -> None:
        """Put a conversation out of sight; `restore_chat` brings it back until `sweep` erases it."""
        with self.access() as db:
            db.execute("UPDATE chats SET deleted_s = ? WHERE id = ?", (self._now(), chat_id))

    def rename_folder(self, folder: str, name: str) -> None:
        """Give a folder another name; with that of another the two become one, with none it is dissolved."""
        with self.access() as db:
            db.execute("UPDATE chats SET folder = ? WHERE folder = ?", (name, folder))

    def restore_chat(self, chat_id: int) -> None:
        """Bring a deleted conversation back, all that was said in it included."""
        with self.access() as db:
            changed = db.execute("UPDATE chats SET deleted_s = NULL WHERE id = ?", (chat_id,))
            if not changed.rowcount:
                raise _gone()

    def sweep(self) -> None:
        """Erase what was deleted more than an hour ago: a window that is open may offer to undo the rest."""
        with self.access() as db:
            db.execute("DELETE FROM chats WHERE deleted_s < ?", (self._now() - UNDO_S,))

    # ------------------------------------------------------------------------------------------- messages

    def send(
        self,
        chat_id: int,
        content: str,
        title: str = "",
        replaced: Sequence[int] = (),
        attachments: tuple[Attachment, ...] = (),
    ) -> StoredMessage:
        """Add the user's message in place of the `replaced` ones and clear the draft, all or nothing.

        `title` becomes the conversation's if it has none yet.
        """
        with self.access() as db, transaction(db):
            self._supersede(db, chat_id, replaced)
            made = self._add(db, chat_id, "user", content, _last_shown(db, chat_id))
            choose(db, chat_id, made.id)
            kept = (write_attachments(attachments), made.id)
            db.execute("UPDATE messages SET attachments = ? WHERE id = ?", kept)
            db.execute(
                "UPDATE chats SET updated_s = ?, draft = '', draft_attachments = '',"
                " title = CASE WHEN title = '' THEN ? ELSE title END WHERE id = ?",
                (made.created_s, title, chat_id),
            )
            return replace(made, attachments=attachments, siblings=Tree(db, chat_id).siblings(made.id))

    def supersede(self, chat_id: int, replaced: Sequence[int]) -> None:
        """Mark messages as giving way to one that is about to come; their text stays."""
        with self.access() as db, transaction(db):
            self._supersede(db, chat_id, replaced)

    def begin_answer(self, chat_id: int, question: int | None = None) -> int:
        """Add an empty, partial answer to a message, else to the last one shown, and return its id.

        It becomes the one that is shown there; an earlier answer is a branch beside it.
        """
        with self.access() as db, transaction(db):
            before = question if question is not None else _last_shown(db, chat_id)
            made = self._add(db, chat_id, "assistant", "", before, is_partial=True)
            choose(db, chat_id, made.id)
            if question is not None:
                show_chosen(db, chat_id)
            return made.id

    # ------------------------------------------------------------------------------------------- branches

    def siblings(self, chat_id: int, message_id: int) -> tuple[int, ...]:
        """The messages that stand in a message's place, itself among them; () when it stands alone."""
        with self.access() as db:
            return Tree(db, chat_id).siblings(message_id)

    def show_branch(self, chat_id: int, message_id: int) -> None:
        """Show a message instead of its siblings, with what followed it when it was shown last."""
        with self.access() as db, transaction(db):
            choose(db, chat_id, message_id)
            show_chosen(db, chat_id)

    def settle(self, chat_id: int) -> None:
        """Show again what gave way to a message that never came."""
        with self.access() as db, transaction(db):
            show_chosen(db, chat_id)

    def save_answer(
        self,
        message_id: int,
        content: str,
        reasoning: str,
        is_partial: bool,
        reasoning_s: float = 0.0,
        figures: str = "",
    ) -> None:
        """Write what there is of an answer, and the figures once it is complete."""
        with self.access() as db, transaction(db):
            db.execute(
                "UPDATE messages SET content = ?, reasoning = ?, is_partial = ?, reasoning_s = ?, figures = ?"
                " WHERE id = ?",
                (content, reasoning, int(is_partial), reasoning_s, figures, message_id),
            )
            db.execute(
                "UPDATE chats SET updated_s = ? WHERE id = (SELECT chat_id FROM messages WHERE id = ?)",
                (self._now(), message_id),
            )

    # ----------------------------------------------------------------------------- what is in the context

    def mark(
        self,
        chat_id: int,
        messages: Sequence[int],
        *,
        is_pinned: bool | None = None,
        is_dropped: bool | None = None,
    ) -> None:
        """Pin messages or let go of them, leave them out of the context or bring them back."""
        with self.access() as db, transaction(db):
            for column, value in (("is_pinned", is_pinned), ("is_dropped", is_dropped)):
                if value is not None:
                    db.executemany(
                        f"UPDATE messages SET {column} = ? WHERE id = ? AND chat_id = ?",
                        [(int(value), message, chat_id) for message in messages],
                    )

    def compact(self, chat_id: int, replaced: Sequence[int], question: str, summary: str) -> None:
        """Drop messages from the context and put a question and its answer, the summary, behind them."""
        with self.access() as db, transaction(db):
            last = [message for message in Tree(db, chat_id).shown() if message in replaced][-1]
            behind = db.execute(
                "SELECT id FROM messages WHERE chat_id = ? AND parent = ?", (chat_id, last)
            ).fetchall()
            asked = self._add(db, chat_id, "user", question, last)
            told = self._add(db, chat_id, "assistant", summary, asked.id)
            db.executemany(
                "UPDATE messages SET parent = ? WHERE id = ?", [(told.id, row[0]) for row in behind]
            )
            ids = ",".join(map(str, replaced))
            db.execute("UPDATE messages SET stands_for = ? WHERE id IN (?, ?)", (ids, asked.id, told.id))
            db.executemany(
                "UPDATE messages SET is_dropped = 1 WHERE id = ? AND chat_id = ?",
                [(message, chat_id) for message in replaced],
            )

    def bring_back(self, chat_id: int, messages: Sequence[int]) -> None:
        """Bring dropped messages back into the context; a summary that stands for any of them gives way."""
        with self.access() as db, transaction(db):
            wanted = set(messages)
            for summary in self.all_messages(chat_id):
                if wanted & set(summary.stands_for) and not summary.is_superseded:
                    wanted |= set(summary.stands_for)
                    self._take_out(db, chat_id, summary.id)
            db.executemany(
                "UPDATE messages SET is_dropped = 0 WHERE id = ? AND chat_id = ?",
                [(message, chat_id) for message in wanted],
            )

    # --------------------------------------------------------------------------------------------- inside

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        if (found := version_of(connection)) > VERSION:
            raise StoreError(
                "The conversations in {path} were written by a newer KV Desk.",
                "Update KV Desk to open them; nothing was changed.",
                path=str(self._path),
                found=found,
            )
        connection.execute("PRAGMA journal_mode = WAL")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")
        migrate(connection)

    def _add(
        self,
        db: sqlite3.Connection,
        chat_id: int,
        role: StoredRole,
        content: str,
        before: int | None,
        is_partial: bool = False,
    ) -> StoredMessage:
        now = self._now()
        made = db.execute(
            "INSERT INTO messages (chat_id, role, content, parent, is_partial, created_s)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (chat_id, role, content, before, int(is_partial), now),
        )
        return StoredMessage(_row_id(made), role, content, is_partial=is_partial, created_s=now)

    @staticmethod
    def _take_out(db: sqlite3.Connection, chat_id: int, summary: int) -> None:
        """Let what follows a message of a summary follow what is before it."""
        (before,) = db.execute("SELECT parent FROM messages WHERE id = ?", (summary,)).fetchone()
        db.execute("UPDATE messages SET is_superseded = 1, is_chosen = 0 WHERE id = ?", (summary,))
        db.execute(
            "UPDATE messages SET parent = ? WHERE chat_id = ? AND parent = ?", (before, chat_id, summary)
        )

    @staticmethod
    def _supersede(db: sqlite3.Connection, chat_id: int, replaced: Sequence[int]) -> None:
        db.executemany(
            "UPDATE messages SET is_superseded = 1 WHERE id = ? AND chat_id = ?",
            [(message_id, chat_id) for message_id in replaced],
        )


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside, or nothing of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # SQLite rolls back by itself when the disk is full
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def _gone() -> StoreError:
    return StoreError("That conversation is no longer there.", "It was deleted, perhaps in another window.")


def _last_shown(db: sqlite3.Connection, chat_id: int) -> int | None:
    return next(reversed(Tree(db, chat_id).shown()), None)


def _row_id(made: sqlite3.Cursor) -> int:
    assert made.lastrowid is not None
    return made.lastrowid


def _chat(row: sqlite3.Row) -> StoredChat:
    values = dict(row)
    return StoredChat(**values | {"draft_attachments": read_attachments(values["draft_attachments"])})


def _message(row: sqlite3.Row, siblings: tuple[int, ...]) -> StoredMessage:
    values = dict(row)
    for name in ("is_partial", "is_superseded", "is_pinned", "is_dropped"):
        values[name] = bool(values[name])
    values["attachments"] = read_attachments(values["attachments"])
    values["stands_for"] = tuple(int(number) for number in values["stands_for"].split(",") if number)
    return StoredMessage(**values, siblings=siblings)
