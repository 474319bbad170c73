"""The data folder moves whole, or not at all."""

import os
import sqlite3
from pathlib import Path

import pytest

from kvdesk.chats.parked import ParkedCaches
from kvdesk.chats.rows import ParkedCache
from kvdesk.chats.store import ChatStore
from kvdesk.errors import Cancelled, StoreError
from kvdesk.session import moving
from kvdesk.session.moving import move_data
from kvdesk.settings.places import HOME_VARIABLE, Places, find_places


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    found = find_places()
    found.parked.mkdir(parents=True)
    store = ChatStore(found.chats)
    store.open()
    chat = store.add_chat()
    store.send(chat, "Where do you lie?", "Lying", ())
    parked = ParkedCaches(store, found.parked)
    file = parked.new_file(chat, "model")
    file.write_bytes(os.urandom(9_000_000))
    parked.add(ParkedCache(chat, str(file), "model", 9_000_000, 12, None, 0.0), 1 << 40)
    store.close()
    found.ledger.write_text('{"a": 1}\n')
    found.paces.write_text("{}")
    found.presets.write_text('[mine]\nsystem_prompt = "Be brief."\n')
    return found


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_all_is_there_afterwards_and_the_program_finds_it(places: Places, tmp_path: Path) -> None:
    before = everything(places.chats.parent)
    told: list[tuple[int, int]] = []
    moved = move_data(places, tmp_path / "other", lambda *done: told.append(done) or True)
    assert find_places() == moved
    assert told[-1][0] == told[-1][1] > 9_000_000
    after = everything(tmp_path / "other")
    assert {name: data for name, data in after.items() if "sqlite" not in name} == {
        name: data for name, data in before.items() if "sqlite" not in name
    }
    assert [path.name for path in places.chats.parent.iterdir()] == [moved.pointer.name]
    store = ChatStore(moved.chats)
    store.open()
    (chat,) = store.list_chats()
    assert [message.content for message in store.read_chat(chat.id)[1]] == ["Where do you lie?"]
    (cache,) = ParkedCaches(store, moved.parked).list()
    assert Path(cache.file).parent == moved.parked
    store.close()


@pytest.mark.parametrize("how", ["cancelled", "disk", "different"])
def test_a_move_that_fails_changes_nothing(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    before = everything(places.chats.parent)
    expected: type[BaseException] = StoreError
    if how == "disk":

        def no_room(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(moving, "replace_file", no_room)
    elif how == "different":
        monkeypatch.setattr(moving.hashlib, "file_digest", lambda *_: moving.hashlib.blake2b(b"other"))
    else:
        expected = Cancelled
    with pytest.raises(expected):
        move_data(places, tmp_path / "other", lambda *_: how != "cancelled")
    assert everything(places.chats.parent) == before
    assert everything(tmp_path / "other") == {}
    assert find_places() == places


def test_a_folder_with_data_is_refused(places: Places, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    sqlite3.connect(tmp_path / "other" / places.chats.name).execute("CREATE TABLE t (x)").connection.close()
    with pytest.raises(StoreError, match="already holds"):
        move_data(places, tmp_path / "other", lambda *_: True)


def test_a_folder_that_is_not_there_is_told(places: Places) -> None:
    places.pointer.write_text("/not/there\n")
    with pytest.raises(StoreError, match="/not/there is not there") as told:
        find_places()
    assert str(places.pointer) in str(told.value.hint)
