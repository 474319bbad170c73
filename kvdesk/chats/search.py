"""Finds what was said in any conversation."""

import re
import sqlite3
from dataclasses import dataclass

from kvdesk.chats.store import ChatStore

_SIGNS = re.compile("[%_|]")  # that mean something to LIKE
_MOST = 200  # conversations; who finds more goes on typing
_PIECE = 3  # characters that the index needs to look something up
_BEFORE, _AFTER = 24, 96  # characters of the message around the place


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation in which something was said, its latest such message, and that message's words there."""

    chat_id: int
    message_id: int
    excerpt: str


def search(store: ChatStore, wanted: str) -> tuple[Found, ...]:
    """Conversations with a message, shown now, that contains these words; the latest message of each.

    Letters count the same in both cases. Messages that gave way to others are not looked at. Raises
    StoreError.
    """
    words = wanted.split()
    if not words:
        return ()
    with store.access() as db:
        rows = _rows(db, words)
    return tuple(Found(chat, message, _excerpt(content, words[0])) for chat, message, content in rows)


def _rows(db: sqlite3.Connection, words: list[str]) -> list[tuple[int, int, str]]:
    conditions = [
        "NOT is_superseded",
        "chat_id NOT IN (SELECT id FROM chats WHERE deleted_s IS NOT NULL)",
    ]
    values: list[str] = []
    if looked_up := [word for word in words if len(word) >= _PIECE]:
        conditions.append("id IN (SELECT rowid FROM said WHERE said MATCH ?)")
        values.append(" ".join('"' + word.replace('"', '""') + '"' for word in looked_up))
    for word in words:
        if len(word) < _PIECE:
            conditions.append("content LIKE ? ESCAPE '|'")
            values.append(f"%{_SIGNS.sub(lambda sign: '|' + sign[0], word)}%")
    # Beside max() SQLite takes the other columns from the row that has it.
    return db.execute(
        f"SELECT chat_id, max(id), content FROM messages WHERE {' AND '.join(conditions)}"
        f" GROUP BY chat_id ORDER BY max(id) DESC LIMIT {_MOST}",
        values,
    ).fetchall()


def _excerpt(content: str, word: str) -> str:
    place = max(content.casefold().find(word.casefold()), 0)
    start, end = max(place - _BEFORE, 0), place + _AFTER
    text = " ".join(content[start:end].split())
    return f"{'…' if start else ''}{text}{'…' if end < len(content) else ''}"
