"""Parked caches: one a conversation, the ones not used for longest go first, files and list agree."""

import itertools
import os
from pathlib import Path

import pytest

from kvdesk.chats.parked import ParkedCaches
from kvdesk.chats.rows import ParkedCache
from kvdesk.chats.store import ChatStore
from kvdesk.errors import StoreError


@pytest.fixture
def store(tmp_path: Path):
    store = ChatStore(tmp_path / "chats.sqlite3")
    store.open()
    yield store
    store.close()


@pytest.fixture
def parked(store: ChatStore, tmp_path: Path) -> ParkedCaches:
    clock = itertools.count(1000)
    return ParkedCaches(store, tmp_path / "parked", lambda: float(next(clock)))


def park(parked: ParkedCaches, store: ChatStore, size: int = 100, chat: int = 0, quota: int = 10**9):
    if not chat:
        chat = store.add_chat()
        store.send(chat, "Hello")
    path = parked.new_file(chat, "abcdef0123456789")
    path.write_bytes(bytes(size))
    return chat, path, parked.add(ParkedCache(chat, str(path), "abcdef", size, 10, 2.5), quota)


def test_what_is_parked_is_listed_latest_first(parked, store):
    one, path, _ = park(parked, store)
    two, *_ = park(parked, store)
    assert [cache.chat_id for cache in parked.list()] == [two, one]
    parked.used(one)
    assert [cache.chat_id for cache in parked.list()] == [one, two]
    found = parked.list()[0]
    assert (found.file, found.model, found.n_bytes, found.tokens, found.reread_s) == (
        str(path), "abcdef", 100, 10, 2.5,
    )  # fmt: skip


def test_a_newer_cache_of_a_chat_takes_the_place_of_the_older(parked, store):
    chat, first, _ = park(parked, store)
    _, second, _ = park(parked, store, chat=chat)
    assert first != second
    assert not first.exists()
    assert [cache.file for cache in parked.list()] == [str(second)]


def test_beyond_the_quota_those_not_used_for_longest_go(parked, store):
    one, *_ = park(parked, store)
    two, second, _ = park(parked, store)
    parked.used(one)
    three, _, gone = park(parked, store, quota=250)
    assert [cache.chat_id for cache in gone] == [two]
    assert not second.exists()
    assert {cache.chat_id for cache in parked.list()} == {one, three}


def test_one_larger_than_the_quota_stays_alone(parked, store):
    park(parked, store)
    big, path, gone = park(parked, store, size=1000, quota=500)
    assert len(gone) == 1
    assert [cache.chat_id for cache in parked.list()] == [big]
    assert path.exists()


def test_a_smaller_quota_counts_at_once(parked, store):
    park(parked, store)
    last, *_ = park(parked, store)
    assert len(parked.keep_within(150)) == 1
    assert [cache.chat_id for cache in parked.list()] == [last]


def test_a_deleted_conversation_leaves_no_cache(parked, store):
    chat, path, _ = park(parked, store)
    parked.drop([chat])
    assert not path.exists()
    chat, path, _ = park(parked, store)
    store.delete_chat(chat)  # by another window, which knows nothing of files
    assert parked.list() == ()
    os.utime(path, (0, 0))
    ParkedCaches(store, parked.folder).sweep()
    assert not path.exists()


def test_files_that_nobody_lists_are_swept_once_they_are_old(parked, store, tmp_path):
    _, listed, _ = park(parked, store)
    stray, fresh = parked.folder / "chat-9-x.kv", parked.folder / "chat-8-x.kv.part"
    for path in (stray, fresh, listed):
        path.write_bytes(b"")
    os.utime(stray, (0, 0))
    os.utime(listed, (0, 0))
    later = ParkedCaches(store, parked.folder, lambda: 25 * 3600.0)
    os.utime(fresh, (24 * 3600, 24 * 3600))
    later.sweep()
    assert not stray.exists()
    assert fresh.exists()
    assert listed.exists()


def test_a_file_that_is_gone_is_forgotten(parked, store):
    _, path, _ = park(parked, store)
    path.unlink()
    assert parked.list() == ()


def test_a_folder_that_cannot_be_made_is_said(store, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="folder for parked chats"):
        ParkedCaches(store, tmp_path / "file" / "parked").new_file(1, "x")
