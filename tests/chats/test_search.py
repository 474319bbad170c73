"""Searching through all that was said."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvdesk.chats import schema
from kvdesk.chats.search import search
from kvdesk.chats.store import ChatStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChatStore]:
    held = ChatStore(tmp_path / "chats.db")
    held.open()
    yield held
    held.close()


def said(store: ChatStore, *texts: str) -> int:
    chat = store.add_chat()
    for text in texts:
        store.send(chat, text, title=text[:10])
    return chat


def found(store: ChatStore, wanted: str) -> list[int]:
    return [each.chat_id for each in search(store, wanted)]


def test_a_word_is_found_inside_others_and_in_either_case(store: ChatStore):
    first = said(store, "The Quantisation of keys", "and of values")
    second = said(store, "nothing of the kind")
    assert found(store, "quant") == [first]
    assert found(store, "OF") == [second, first]
    assert found(store, "keys quant") == [first]
    assert found(store, "keys values") == []


def test_chinese_is_found_without_spaces(store: ChatStore):
    chat = said(store, "键值缓存的量化会怎样影响回答?")
    assert found(store, "量化会") == [chat]
    assert found(store, "缓存") == [chat]


def test_signs_of_the_query_language_are_only_signs(store: ChatStore):
    chat = said(store, 'a "b" 100% c_d NOT*')
    for wanted in ('"b"', "0%", "c_d", "NOT*", '"', "_"):
        assert found(store, wanted) == [chat], wanted
    assert found(store, "cxd") == []
    assert found(store, "%%") == []


def test_the_latest_message_is_shown_where_the_word_stands(store: ChatStore):
    chat = said(store, "cache first", "x " * 100 + "the cache\nagain " + "y " * 100)
    (only,) = search(store, "cache")
    assert only.chat_id == chat
    assert "the cache again" in only.excerpt
    assert only.excerpt.startswith("…")
    assert only.excerpt.endswith("…")


def test_what_gave_way_or_was_deleted_is_not_found(store: ChatStore):
    chat = store.add_chat()
    old = store.send(chat, "alpha question")
    store.send(chat, "beta question", replaced=[old.id])
    assert found(store, "alpha") == []
    assert found(store, "beta") == [chat]
    store.delete_chat(chat)
    assert found(store, "beta") == []


def test_an_answer_is_found_as_it_is_now(store: ChatStore):
    chat = store.add_chat()
    row = store.begin_answer(chat)
    store.save_answer(row, "first words", "", is_partial=True)
    store.save_answer(row, "second thoughts", "", is_partial=False)
    assert found(store, "words") == []
    assert found(store, "thoughts") == [chat]


def test_conversations_of_an_older_file_are_found(tmp_path: Path):
    path = tmp_path / "chats.db"
    with sqlite3.connect(path, isolation_level=None) as db:
        db.executescript(schema.MIGRATIONS[0] + "PRAGMA user_version = 1;")
        db.execute("INSERT INTO chats (created_s, updated_s) VALUES (1, 1)")
        db.execute(
            "INSERT INTO messages (chat_id, role, content, created_s) VALUES (1, 'user', 'an old secret', 1)"
        )
    db.close()
    store = ChatStore(path)
    store.open()
    assert found(store, "secret") == [1]
    store.close()
