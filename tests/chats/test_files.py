"""Conversations in files: what is exported comes back whole, other programs' forms are read."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kvdesk.chats.attachments import Attachment
from kvdesk.chats.files import read_chats, shown, write_chats
from kvdesk.chats.foreign import foreign_chats
from kvdesk.chats.kept import KeptChat, add_chats, read_chat
from kvdesk.chats.store import ChatStore
from kvdesk.errors import StoreError


@pytest.fixture
def store(tmp_path: Path):
    store = ChatStore(tmp_path / "chats.sqlite3")
    store.open()
    yield store
    store.close()


def branched(store: ChatStore) -> int:
    """A chat with an edited question, two answers to it, a summary and an attached text."""
    chat = store.add_chat(system_prompt="Be brief.", sampling='{"seed":1}')
    store.change_chat(chat, overflow="roll")
    first = store.send(chat, "Why?", title="Reasons")
    answer = store.begin_answer(chat, first.id)
    store.save_answer(answer, "Because.", "Hm.", is_partial=False, reasoning_s=1.5, figures='{"x":1}')
    edited = store.send(
        chat, "Why not?", replaced=(first.id, answer), attachments=(Attachment("a.md", "# A"),)
    )
    one = store.begin_answer(chat, edited.id)
    store.save_answer(one, "One", "", is_partial=False)
    two = store.begin_answer(chat, edited.id)
    store.save_answer(two, "Two", "", is_partial=False)
    store.show_branch(chat, one)
    store.compact(chat, (edited.id, one), "?", "In short")
    store.mark(chat, (first.id,), is_pinned=True)
    return chat


def plain(chat: KeptChat) -> Any:
    """A conversation without its ids, which are others in every store."""
    places = {message.id: place for place, message in enumerate(chat.messages)}
    rows = [
        msgspec.structs.replace(
            m, id=places[m.id], parent=places.get(m.parent), stands_for=tuple(places[i] for i in m.stands_for)
        )
        for m in chat.messages
    ]
    return msgspec.structs.replace(chat, messages=tuple(rows))


def test_all_branches_come_back_from_json(store: ChatStore, tmp_path: Path):
    chat = branched(store)
    before = read_chat(store, chat)
    write_chats([before], tmp_path / "out.json")
    (again,) = add_chats(store, read_chats(tmp_path / "out.json"), 5.0)
    assert plain(read_chat(store, again)) == plain(before)
    kept = store.read_chat(again)[0]
    assert (kept.system_prompt, kept.sampling, kept.overflow) == ("Be brief.", '{"seed":1}', "roll")
    texts = [[m.content for m in store.read_chat(each)[1]] for each in (chat, again)]
    assert texts[0] == texts[1] == ["Why not?", "One", "?", "In short"]


def test_markdown_by_another_hand_is_read_by_its_headings(tmp_path: Path):
    (tmp_path / "talk.md").write_text("## User\r\n\r\nHello\n\n## Assistant\n\n# Hi\n", encoding="utf-8")
    (chat,) = read_chats(tmp_path / "talk.md")
    assert (chat.title, texts(chat)) == ("talk", ["Hello", "# Hi"])


def test_what_is_shown_comes_back_from_markdown(store: ChatStore, tmp_path: Path):
    kept = read_chat(store, branched(store))
    other = KeptChat(title="Second", messages=kept.messages[:1])
    write_chats([kept, other], tmp_path / "out.md")
    first, second = read_chats(tmp_path / "out.md")
    assert (first.title, first.system_prompt) == ("Reasons", "Be brief.")
    assert [m.role for m in first.messages] == ["user", "assistant"] * 2
    assert first.messages[0].content == "Attached file “a.md”:\n```\n# A\n```\n\nWhy not?"
    assert first.messages[1].content == "One"
    assert (second.title, [m.content for m in second.messages]) == ("Second", ["Why?"])


LM_STUDIO = {
    "name": "Planets",
    "createdAt": 1_700_000_000_000,
    "systemPrompt": "Be kind.",
    "messages": [
        {
            "versions": [{"role": "user", "content": [{"type": "text", "text": "Mars?"}]}],
            "currentlySelected": 0,
        },
        {
            "versions": [
                {"type": "multiStep", "role": "assistant", "steps": [
                    {"type": "contentBlock", "content": [{"type": "text", "text": "Red."}]}]},
                {"type": "multiStep", "role": "assistant", "steps": [
                    {"type": "contentBlock", "content": [{"type": "text", "text": "The fourth."}]},
                    {"type": "debugInfoBlock", "debugInfo": "x"}]},
            ],
            "currentlySelected": 1,
        },
        {
            "versions": [{"role": "user", "content": [{"type": "text", "text": "Sure?"}]}],
            "currentlySelected": 0,
        },
    ],
}  # fmt: skip

OPEN_WEBUI = [
    {
        "id": "x",
        "title": "Moons",
        "created_at": 1_700_000_000,
        "chat": {
            "params": {"system": "Be exact."},
            "history": {
                "currentId": "c",
                "messages": {
                    "a": {"id": "a", "parentId": None, "childrenIds": ["b", "c"], "role": "user",
                          "content": "How many?", "timestamp": 1_700_000_001},
                    "b": {"parentId": "a", "childrenIds": [], "role": "assistant", "content": "One"},
                    "c": {"parentId": "a", "childrenIds": [], "role": "assistant", "content": "Two"},
                },
            },
        },
    }
]  # fmt: skip

SHARE_GPT = {
    "id": "q",
    "conversations": [
        {"from": "system", "value": "Be short."},
        {"from": "human", "value": "Hello"},
        {"from": "gpt", "value": "Hi"},
    ],
}


def texts(chat: KeptChat) -> list[str]:
    return [message.content for message in shown(chat)]


def test_lm_studios_versions_are_branches():
    (chat,) = foreign_chats(LM_STUDIO, "file")
    assert (chat.title, chat.system_prompt, chat.created_s) == ("Planets", "Be kind.", 1_700_000_000)
    assert texts(chat) == ["Mars?", "The fourth.", "Sure?"]
    assert [m.content for m in chat.messages if not m.is_chosen] == ["Red."]


def test_open_webuis_history_is_the_tree(store: ChatStore):
    (chat,) = foreign_chats(OPEN_WEBUI, "file")
    assert (chat.title, chat.system_prompt) == ("Moons", "Be exact.")
    assert texts(chat) == ["How many?", "Two"]
    (added,) = add_chats(store, [chat], 5.0)
    messages = store.read_chat(added)[1]
    assert [m.content for m in messages] == ["How many?", "Two"]
    store.show_branch(added, messages[1].siblings[0])
    assert [m.content for m in store.read_chat(added)[1]] == ["How many?", "One"]


@pytest.mark.parametrize("lines", [False, True])
def test_sharegpt_is_read_as_a_list_and_by_the_line(tmp_path: Path, lines: bool):
    file = tmp_path / "data.jsonl"
    line = json.dumps(SHARE_GPT)
    file.write_text(f"{line}\n{line}\n" if lines else f"[{line}, {line}]", encoding="utf-8")
    first, second = read_chats(file)
    assert (first.title, first.system_prompt) == ("Hello", "Be short.")
    assert texts(first) == texts(second) == ["Hello", "Hi"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", '{"weather": "fine"}', "no conversation"),
        ("a.json", '{"format": "kvdesk-chats", "version": 1, "chats": [{"messages": 3}]}', "damaged"),
        ("a.json", '{"format": "kvdesk-chats", "version": 9, "chats": []}', "newer"),
        ("a.md", "# Notes\n\nNothing said.", "no conversation"),
    ],
)
def test_what_is_no_conversation_is_said(tmp_path: Path, name: str, text: str, says: str):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(StoreError, match=says):
        read_chats(tmp_path / name)
    with pytest.raises(StoreError, match="cannot be read"):
        read_chats(tmp_path / "none.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "b", "user", "assistant", "gpt"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "chat",
                    "history",
                    "messages",
                    "currentId",
                    "a",
                    "b",
                    "parentId",
                    "role",
                    "content",
                    "versions",
                    "steps",
                    "conversations",
                    "from",
                    "value",
                    "perChatPredictionConfig",
                    "fields",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(JSON)
def test_any_json_is_read_or_left_out(data: Any):
    for chat in foreign_chats(data, "file"):
        assert len(shown(chat)) <= len(chat.messages)
