"""`kvdesk chats`: what the window keeps is listed, written to a file and read again."""

import json

import pytest

from kvdesk.chats.store import ChatStore
from kvdesk.settings.places import find_places


@pytest.fixture
def chat() -> int:
    """A conversation of one question, as the window would have kept it."""
    store = ChatStore(find_places().chats)
    store.open()
    chat_id = store.add_chat()
    store.send(chat_id, "Why?", title="Reasons")
    store.close()
    return chat_id


def test_chats_are_listed(kvdesk, chat):
    (row,) = kvdesk("chats", "list", "--json").object["chats"]
    assert (row["id"], row["title"], row["tokens"]) == (chat, "Reasons", None)
    assert "Reasons" in kvdesk("chats", "list").out


def test_what_is_exported_can_be_imported(kvdesk, chat, tmp_path):
    path = str(tmp_path / "out.json")
    assert kvdesk("chats", "export", path, str(chat), "--json").object == {"chats": 1, "path": path}
    (added,) = kvdesk("chats", "import", path, "--json").object["ids"]
    assert added != chat
    assert [row["title"] for row in kvdesk("chats", "list", "--json").object["chats"]] == ["Reasons"] * 2
    markdown = tmp_path / "out.md"
    kvdesk("chats", "export", str(markdown))
    assert markdown.read_text(encoding="utf-8").count("Why?") == 2


def test_nothing_is_imported_where_one_file_is_none(kvdesk, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps({"messages": [{"role": "user", "content": "Hi"}]}), encoding="utf-8")
    bad.write_text("{", encoding="utf-8")
    ran = kvdesk("chats", "import", str(good), str(bad))
    assert ran.status == 2
    assert "bad.json is not JSON." in ran.err
    assert kvdesk("chats", "list").out.strip() == "No chats yet."


def test_a_chat_that_is_not_there_is_said(kvdesk, tmp_path):
    ran = kvdesk("chats", "export", str(tmp_path / "out.json"), "77")
    assert ran.status == 2
    assert "no longer there" in ran.err
