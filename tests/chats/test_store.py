"""Conversations on disk: what was said is there again, in order, whatever was replaced."""

import sqlite3
from pathlib import Path

import pytest

from kvdesk.chats.schema import MIGRATIONS, VERSION, version_of
from kvdesk.chats.store import UNDO_S, ChatStore
from kvdesk.errors import StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "chats.sqlite3"


@pytest.fixture
def store(path: Path):
    store = ChatStore(path)
    store.open()
    yield store
    store.close()


def reopened(path: Path) -> ChatStore:
    store = ChatStore(path)
    store.open()
    return store


def test_a_conversation_is_there_again(store: ChatStore, path: Path):
    chat = store.add_chat(system_prompt="Be brief.", sampling='{"seed":1}')
    sent = store.send(chat, "Hello\nthere", title="Hello")
    answer = store.begin_answer(chat)
    store.save_answer(answer, "Hi.", "A greeting.", is_partial=False, reasoning_s=1.5, figures='{"x":1}')
    store.change_chat(chat, model="/models/a.gguf", tokens=12)
    store.close()

    again = reopened(path)
    found, messages = again.read_chat(chat)
    again.close()
    assert (found.title, found.system_prompt, found.sampling) == ("Hello", "Be brief.", '{"seed":1}')
    assert (found.model, found.tokens) == ("/models/a.gguf", 12)
    assert messages[0] == sent
    assert (messages[1].id, messages[1].role, messages[1].content) == (answer, "assistant", "Hi.")
    assert (messages[1].reasoning, messages[1].reasoning_s, messages[1].figures) == (
        "A greeting.",
        1.5,
        '{"x":1}',
    )
    assert messages[1].is_partial is False


def test_a_title_is_given_once(store: ChatStore):
    chat = store.add_chat()
    store.send(chat, "First", title="First")
    store.send(chat, "Second", title="Second")
    assert store.read_chat(chat)[0].title == "First"


def test_sending_clears_the_draft(store: ChatStore):
    chat = store.add_chat()
    store.change_chat(chat, draft="Half a thou")
    assert store.read_chat(chat)[0].draft == "Half a thou"
    store.send(chat, "Half a thought")
    assert store.read_chat(chat)[0].draft == ""


def test_replaced_messages_are_kept_and_not_shown(store: ChatStore):
    chat = store.add_chat()
    first = store.send(chat, "Why?")
    answer = store.begin_answer(chat)
    store.save_answer(answer, "Because.", "", is_partial=False)
    edited = store.send(chat, "Why not?", replaced=(first.id, answer))

    assert [message.id for message in store.read_chat(chat)[1]] == [edited.id]
    everything = store.all_messages(chat)
    assert [message.content for message in everything] == ["Why?", "Because.", "Why not?"]
    assert [message.is_superseded for message in everything] == [True, True, False]


def test_only_messages_of_the_conversation_are_replaced(store: ChatStore):
    mine, other = store.add_chat(system_prompt="a"), store.add_chat(system_prompt="b")
    foreign = store.send(other, "Leave me")
    store.supersede(mine, (foreign.id,))
    assert [message.content for message in store.read_chat(other)[1]] == ["Leave me"]


def test_conversations_are_listed_latest_first(path: Path):
    seconds = iter(range(100))
    store = ChatStore(path, now=lambda: float(next(seconds)))
    store.open()
    older, newer = store.add_chat(system_prompt="a"), store.add_chat(system_prompt="b")
    assert [chat.id for chat in store.list_chats()] == [newer, older]
    store.send(older, "Again")
    assert [chat.id for chat in store.list_chats()] == [older, newer]
    answer = store.begin_answer(newer)
    store.save_answer(answer, "Later", "", is_partial=True)
    assert [chat.id for chat in store.list_chats()] == [newer, older]
    store.close()


def test_an_unused_conversation_is_taken_again(store: ChatStore):
    unused = store.add_chat()
    assert store.add_chat() == unused
    store.change_chat(unused, draft="x")
    assert store.add_chat() != unused


def test_a_deleted_conversation_comes_back_until_it_is_swept_away(path: Path):
    now = [1000.0]
    store = ChatStore(path, now=lambda: now[0])
    store.open()
    chat = store.add_chat()
    store.send(chat, "Gone", title="Gone")
    store.delete_chat(chat)
    assert store.list_chats() == ()
    with pytest.raises(StoreError, match="no longer there"):
        store.read_chat(chat)
    store.sweep()
    store.restore_chat(chat)
    assert [message.content for message in store.read_chat(chat)[1]] == ["Gone"]
    store.delete_chat(chat)
    now[0] += 2 * UNDO_S
    store.sweep()
    assert store.all_messages(chat) == ()
    with pytest.raises(StoreError, match="no longer there"):
        store.restore_chat(chat)
    with pytest.raises(StoreError):
        store.begin_answer(chat)
    store.close()


def test_the_file_is_written_ahead_and_synced(store: ChatStore):
    assert store._open.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert store._open.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert store._open.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert version_of(store._open) == VERSION


def test_a_newer_file_is_left_alone(store: ChatStore, path: Path):
    store.close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer KV Desk"):
        ChatStore(path).open()
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_two_windows_share_the_file(store: ChatStore, path: Path):
    other = reopened(path)
    chat = store.add_chat()
    other.send(chat, "From the other window", title="Other")
    assert [message.content for message in store.read_chat(chat)[1]] == ["From the other window"]
    other.close()


def test_in_memory_all_works_and_nothing_is_written(path: Path):
    store = ChatStore(path)
    store.open_in_memory()
    chat = store.add_chat()
    store.send(chat, "Passing")
    assert [message.content for message in store.read_chat(chat)[1]] == ["Passing"]
    store.close()
    assert not path.parent.exists()


def talk(store: ChatStore, *texts: str) -> tuple[int, list[int]]:
    """A conversation of these messages, the user's first; its id and theirs."""
    chat = store.add_chat()
    ids = []
    for place, text in enumerate(texts):
        if place % 2 == 0:
            ids.append(store.send(chat, text).id)
        else:
            ids.append(store.begin_answer(chat))
            store.save_answer(ids[-1], text, "", is_partial=False)
    return chat, ids


def test_pins_and_drops_are_kept(store: ChatStore, path: Path):
    chat, (one, two, three) = talk(store, "a", "b", "c")
    store.mark(chat, (one, two), is_dropped=True)
    store.mark(chat, (three,), is_pinned=True)
    store.mark(chat + 1, (three,), is_dropped=True)  # of another conversation
    store.close()
    again = reopened(path)
    found = [(m.is_pinned, m.is_dropped) for m in again.read_chat(chat)[1]]
    assert found == [(False, True), (False, True), (True, False)]
    again.mark(chat, (one,), is_dropped=False)
    assert [m.is_dropped for m in again.read_chat(chat)[1]] == [False, True, False]
    again.close()


def test_a_summary_stands_behind_what_it_was_made_of(store: ChatStore):
    chat, ids = talk(store, "a", "b", "c", "d", "e", "f")
    store.compact(chat, ids[:4], "What was said?", "a to d")
    messages = store.read_chat(chat)[1]
    assert [m.content for m in messages] == ["a", "b", "c", "d", "What was said?", "a to d", "e", "f"]
    assert [m.is_dropped for m in messages] == [True] * 4 + [False] * 4
    assert messages[5].stands_for == tuple(ids[:4])
    store.send(chat, "g")
    assert store.read_chat(chat)[1][-1].content == "g"


def test_a_summary_of_a_summary_and_back(store: ChatStore):
    chat, ids = talk(store, "a", "b", "c", "d")
    store.compact(chat, ids[:2], "?", "ab")
    pair = [m.id for m in store.read_chat(chat)[1] if m.stands_for]
    store.compact(chat, (*pair, *ids[2:]), "??", "abcd")
    shown = store.read_chat(chat)[1]
    assert [m.content for m in shown if not m.is_dropped] == ["??", "abcd"]
    store.bring_back(chat, (ids[3],))
    shown = store.read_chat(chat)[1]
    assert [m.content for m in shown if not m.is_dropped] == ["?", "ab", "c", "d"]
    store.bring_back(chat, (ids[0],))
    assert [m.content for m in store.read_chat(chat)[1]] == ["a", "b", "c", "d"]
    assert not any(m.is_dropped for m in store.read_chat(chat)[1])


def test_a_file_of_the_first_version_is_brought_up_to_date(path: Path):
    path.parent.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    connection.execute("INSERT INTO chats (created_s, updated_s) VALUES (1, 1)")
    connection.execute(
        "INSERT INTO messages (chat_id, role, content, created_s) VALUES (1, 'user', 'Hello', 1)"
    )
    connection.close()
    store = reopened(path)
    (message,) = store.read_chat(1)[1]
    assert (message.content, message.is_pinned, message.is_dropped, message.stands_for) == (
        "Hello",
        False,
        False,
        (),
    )
    store.close()


# ---------------------------------------------------------------------------------------------- branches


def texts(store: ChatStore, chat: int) -> list[str]:
    return [message.content for message in store.read_chat(chat)[1]]


def test_an_edited_message_is_a_branch_with_what_followed_it(store: ChatStore):
    chat, ids = talk(store, "a", "b", "c", "d")
    edited = store.send(chat, "A", replaced=ids)
    assert edited.siblings == (ids[0], edited.id)
    assert texts(store, chat) == ["A"]
    store.show_branch(chat, ids[0])
    assert texts(store, chat) == ["a", "b", "c", "d"]
    assert store.read_chat(chat)[1][0].siblings == (ids[0], edited.id)
    store.send(chat, "e")
    store.show_branch(chat, edited.id)
    assert texts(store, chat) == ["A"]


def test_a_branch_is_shown_as_it_was_left(store: ChatStore):
    chat, ids = talk(store, "a", "b", "c", "d")
    store.supersede(chat, ids[3:])
    again = store.begin_answer(chat, ids[2])
    store.show_branch(chat, ids[3])  # the first answer, not the latest
    edited = store.send(chat, "A", replaced=ids)
    store.show_branch(chat, ids[0])
    assert texts(store, chat) == ["a", "b", "c", "d"]
    assert store.siblings(chat, again) == (ids[3], again)
    assert store.siblings(chat, edited.id) == (ids[0], edited.id)
    assert store.siblings(chat, ids[1]) == ()


def test_what_gave_way_to_an_answer_that_never_came_is_shown_again(store: ChatStore):
    chat, ids = talk(store, "a", "b", "c", "d")
    store.supersede(chat, ids[3:])
    assert texts(store, chat) == ["a", "b", "c"]
    store.settle(chat)
    assert texts(store, chat) == ["a", "b", "c", "d"]


def test_an_answer_takes_its_place_though_the_earlier_one_came_back(store: ChatStore):
    chat, ids = talk(store, "a", "b")
    store.supersede(chat, ids[1:])
    store.settle(chat)
    again = store.begin_answer(chat, ids[0])
    assert [message.id for message in store.read_chat(chat)[1]] == [ids[0], again]
    assert store.siblings(chat, again) == (ids[1], again)


def test_a_summary_belongs_to_all_that_follows_and_is_nobodys_sibling(store: ChatStore):
    chat, ids = talk(store, "a", "b", "c", "d")
    edited = store.send(chat, "C", replaced=ids[2:])
    store.compact(chat, ids[:2], "?", "ab")
    assert texts(store, chat) == ["a", "b", "?", "ab", "C"]
    store.show_branch(chat, ids[2])
    assert texts(store, chat) == ["a", "b", "?", "ab", "c", "d"]
    assert store.siblings(chat, edited.id) == (ids[2], edited.id)
    store.bring_back(chat, (ids[0],))
    assert texts(store, chat) == ["a", "b", "c", "d"]
    assert store.siblings(chat, ids[2]) == (ids[2], edited.id)
    store.compact(chat, ids[:2], "?", "again")
    assert texts(store, chat) == ["a", "b", "?", "again", "c", "d"]


def test_a_file_without_branches_gets_them(path: Path):
    path.parent.mkdir()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("".join(MIGRATIONS[:3]) + "PRAGMA user_version = 3;")
    connection.execute("INSERT INTO chats (created_s, updated_s) VALUES (1, 1)")
    rows = [
        ("user", "a", 0),
        ("assistant", "b", 1),
        ("assistant", "B", 0),
        ("user", "c", 1),
        ("user", "C", 0),
    ]
    connection.executemany(
        "INSERT INTO messages (chat_id, role, content, is_superseded, created_s) VALUES (1, ?, ?, ?, 1)", rows
    )
    connection.close()
    store = reopened(path)
    assert texts(store, 1) == ["a", "B", "C"]
    assert [message.siblings for message in store.read_chat(1)[1]] == [(), (2, 3), (4, 5)]
    store.show_branch(1, 4)
    assert texts(store, 1) == ["a", "B", "c"]
    store.close()
