"""A conversation as one value, with all its branches: what is written to a file, and read from one."""

from collections.abc import Sequence

import msgspec

from kvdesk.chats.attachments import Attachment, write_attachments
from kvdesk.chats.branches import show_chosen
from kvdesk.chats.rows import StoredRole
from kvdesk.chats.store import ChatStore, transaction


class KeptMessage(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A message; `parent` is the id of the one before it. Ids mean something in this conversation only."""

    id: int
    parent: int | None = None
    role: StoredRole
    content: str
    reasoning: str = ""
    reasoning_s: float = 0.0
    attachments: tuple[Attachment, ...] = ()
    figures: str = ""
    is_chosen: bool = True  # of those with the same parent, the one that is shown
    is_partial: bool = False
    is_pinned: bool = False
    is_dropped: bool = False
    stands_for: tuple[int, ...] = ()
    created_s: float = 0.0


class KeptChat(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A conversation. Times are Unix, 0 where they are not known."""

    title: str = ""
    system_prompt: str = ""
    sampling: str = ""
    overflow: str = ""
    created_s: float = 0.0
    updated_s: float = 0.0
    messages: tuple[KeptMessage, ...] = ()


def read_chat(store: ChatStore, chat_id: int) -> KeptChat:
    """Read a conversation from the store. Raises StoreError."""
    chat, _ = store.read_chat(chat_id)
    with store.access() as db:
        links = {
            row["id"]: row
            for row in db.execute("SELECT id, parent, is_chosen FROM messages WHERE chat_id = ?", (chat_id,))
        }
    messages = tuple(
        KeptMessage(
            id=each.id,
            parent=links[each.id]["parent"],
            role=each.role,
            content=each.content,
            reasoning=each.reasoning,
            reasoning_s=each.reasoning_s,
            attachments=each.attachments,
            figures=each.figures,
            is_chosen=bool(links[each.id]["is_chosen"]),
            is_partial=each.is_partial,
            is_pinned=each.is_pinned,
            is_dropped=each.is_dropped,
            stands_for=each.stands_for,
            created_s=each.created_s,
        )
        for each in store.all_messages(chat_id)
    )
    return KeptChat(
        title=chat.title,
        system_prompt=chat.system_prompt,
        sampling=chat.sampling,
        overflow=chat.overflow,
        created_s=chat.created_s,
        updated_s=chat.updated_s,
        messages=messages,
    )


def add_chats(store: ChatStore, chats: Sequence[KeptChat], now_s: float) -> tuple[int, ...]:
    """Add conversations to the store, all or none; return their ids. Raises StoreError."""
    ids = []
    with store.access() as db, transaction(db):
        for chat in chats:
            made = db.execute(
                "INSERT INTO chats (title, system_prompt, sampling, overflow, created_s, updated_s)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    chat.title,
                    chat.system_prompt,
                    chat.sampling,
                    chat.overflow,
                    chat.created_s or now_s,
                    chat.updated_s or now_s,
                ),
            )
            chat_id = made.lastrowid
            assert chat_id is not None
            rows: dict[int, int | None] = {}
            for each in chat.messages:
                rows[each.id] = db.execute(
                    "INSERT INTO messages (chat_id, role, content, reasoning, reasoning_s, attachments,"
                    " figures, is_chosen, is_partial, is_pinned, is_dropped, created_s)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        chat_id,
                        each.role,
                        each.content,
                        each.reasoning,
                        each.reasoning_s,
                        write_attachments(each.attachments),
                        each.figures,
                        int(each.is_chosen),
                        int(each.is_partial),
                        int(each.is_pinned),
                        int(each.is_dropped),
                        each.created_s or now_s,
                    ),
                ).lastrowid
            for each in chat.messages:
                parent = rows.get(each.parent) if each.parent is not None else None
                stands_for = ",".join(str(rows[other]) for other in each.stands_for if other in rows)
                db.execute(
                    "UPDATE messages SET parent = ?, stands_for = ? WHERE id = ?",
                    (parent, stands_for, rows[each.id]),
                )
            show_chosen(db, chat_id)
            ids.append(chat_id)
    return tuple(ids)
