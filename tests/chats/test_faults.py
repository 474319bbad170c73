"""Damage, full disks, crashes: nothing is deleted, and the user is told what happened."""

import errno
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kvdesk.chats.faults import explained
from kvdesk.chats.store import ChatStore
from kvdesk.errors import StoreError

WRITER = """
import sys
from pathlib import Path
from kvdesk.chats.store import ChatStore

store = ChatStore(Path(sys.argv[1]))
store.open()
chat = store.add_chat()
number = 0
while True:
    number += 1
    store.send(chat, f"message {number}")
    answer = store.begin_answer(chat)
    for length in range(1, 4):
        store.save_answer(answer, "x" * length, "", is_partial=True)
    print(number, flush=True)
"""


def open_store(path: Path) -> ChatStore:
    store = ChatStore(path)
    store.open()
    return store


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_killed_writer_loses_no_message(tmp_path: Path, after: int):
    path = tmp_path / "chats.sqlite3"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        said = 0
        while said < after:
            said = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        said = max([said, *(int(number) for number in rest)])
    store = open_store(path)
    (chat,) = store.list_chats()
    messages = store.read_chat(chat.id)[1]
    store.close()
    sent = [message.content for message in messages if message.role == "user"]
    # All that were reported, in order; the one under way may or may not be there.
    assert sent[:said] == [f"message {number}" for number in range(1, said + 1)]
    assert len(sent) - said in (0, 1)
    answers = [message for message in messages if message.role == "assistant"]
    assert [answer.content for answer in answers[:said]] == ["xxx"] * said


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"This is not a database, it is a letter. " * 200, id="another file"),
        pytest.param(lambda data: data[: len(data) // 3], id="cut off"),
        pytest.param(lambda data: data[:100] + b"\xff" * 4000 + data[4100:], id="a page overwritten"),
    ],
)
def test_a_damaged_file_is_set_aside_and_kept(tmp_path: Path, damage):
    path = tmp_path / "chats.sqlite3"
    store = open_store(path)
    chat = store.add_chat()
    for number in range(50):
        store.send(chat, f"{number} " + "word " * 100)
    store.close()
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)

    store = ChatStore(path)
    with pytest.raises(StoreError, match="damaged") as caught:
        store.open()
    kept = Path(str(caught.value.hint.values["path"]))
    assert kept.read_bytes() == damaged
    store.open()
    assert store.list_chats() == ()
    assert store.send(store.add_chat(), "A new start").content == "A new start"
    store.close()


def test_two_damaged_files_are_both_kept(tmp_path: Path):
    path = tmp_path / "chats.sqlite3"
    for text in (b"first letter " * 100, b"second letter " * 100):
        path.write_bytes(text)
        with pytest.raises(StoreError):
            ChatStore(path).open()
    kept = sorted(tmp_path.glob("chats.damaged-*.sqlite3"))
    assert sorted(file.read_bytes()[:6] for file in kept) == [b"first ", b"second"]


def test_a_full_disk_is_named_and_the_store_goes_on(tmp_path: Path):
    store = open_store(tmp_path / "chats.sqlite3")
    chat = store.add_chat()
    store.send(chat, "There is room")
    pages = store._open.execute("PRAGMA page_count").fetchone()[0]
    store._open.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="disk is full"):
        store.send(chat, "word " * 100_000)
    assert [message.content for message in store.read_chat(chat)[1]] == ["There is room"]
    store._open.execute("PRAGMA max_page_count = 100000")
    store.send(chat, "Room again")
    assert [message.content for message in store.read_chat(chat)[1]] == ["There is room", "Room again"]
    store.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be read or written") as caught:
        ChatStore(tmp_path / "file" / "chats.sqlite3").open()
    assert "may write there" in caught.value.hint


def test_a_store_that_is_not_open_says_so(tmp_path: Path):
    with pytest.raises(StoreError, match="not open"):
        ChatStore(tmp_path / "chats.sqlite3").list_chats()


def test_what_another_program_holds_is_named(tmp_path: Path):
    path = tmp_path / "chats.sqlite3"
    store = open_store(path)
    store._open.execute("PRAGMA busy_timeout = 0")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="Another program"):
        store.add_chat()
    other.execute("ROLLBACK")
    other.close()
    assert store.add_chat() > 0
    store.close()


def test_the_systems_own_full_disk_is_named_too():
    assert "disk is full" in explained(OSError(errno.ENOSPC, "No space left"), Path("x")).message
