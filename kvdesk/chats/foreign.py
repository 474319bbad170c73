"""Reads the conversations that other programs export as JSON, as far as they are text.

LM Studio: `{name, createdAt (ms), systemPrompt, messages: [{currentlySelected, versions: [{role, content:
[{type: "text", text}]} or {role, steps: [{type: "contentBlock", content}]}]}]}`; its versions are branches.
Open WebUI: `[{title, chat: {history: {currentId, messages: {id: {parentId, role, content, timestamp}}}}}]`.
ShareGPT: `[{conversations: [{from: "human" | "gpt" | "system", value}]}]`, also a line each; and OpenAI's
`{messages: [{role, content}]}`. What has another form is left out, never guessed.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from kvdesk.chats.kept import KeptChat, KeptMessage
from kvdesk.chats.rows import StoredRole
from kvdesk.chats.title import title_of

_ROLES: Mapping[str, StoredRole] = MappingProxyType(
    {
        "user": "user",
        "human": "user",
        "assistant": "assistant",
        "gpt": "assistant",
    }
)


def foreign_chats(data: object, name: str) -> list[KeptChat]:
    """Return the conversations in what a file of another program says; none where it says nothing known."""
    chats = []
    for each in data if isinstance(data, list) else [data]:
        chat = _chat(each)
        if chat is not None:
            chats.append(chat if chat.title else _named(chat, name))
    return chats


def _named(chat: KeptChat, name: str) -> KeptChat:
    first = next((message.content for message in chat.messages), "")
    return KeptChat(
        title=title_of(first) or name,
        system_prompt=chat.system_prompt,
        created_s=chat.created_s,
        updated_s=chat.updated_s,
        messages=chat.messages,
    )


def _chat(data: object) -> KeptChat | None:
    if not isinstance(data, dict):
        return None
    inner = data.get("chat", data)
    if isinstance(inner, dict) and isinstance(inner.get("history"), dict):
        return _open_webui(data, inner)
    if isinstance(data.get("conversations"), list):
        return _plain(data, data["conversations"], "from", "value")
    if isinstance(data.get("messages"), list):
        if any(isinstance(each, dict) and "versions" in each for each in data["messages"]):
            return _lm_studio(data)
        return _plain(data, data["messages"], "role", "content")
    return None


def _open_webui(outer: dict[str, Any], chat: dict[str, Any]) -> KeptChat:
    nodes = chat["history"].get("messages")
    nodes = nodes if isinstance(nodes, dict) else {}
    shown = set()
    at = chat["history"].get("currentId")
    while isinstance(at, str) and at in nodes and at not in shown:
        shown.add(at)
        at = nodes[at].get("parentId") if isinstance(nodes[at], dict) else None
    known = {
        key: node
        for key, node in nodes.items()
        if isinstance(node, dict) and _role(node.get("role")) and isinstance(node.get("content"), str)
    }
    numbers = {key: number for number, key in enumerate(known, 1)}
    messages = tuple(
        KeptMessage(
            id=numbers[key],
            parent=numbers.get(str(node.get("parentId"))),
            role=_ROLES[node["role"]],
            content=node["content"],
            is_chosen=key in shown,
            created_s=_seconds(node.get("timestamp")),
        )
        for key, node in known.items()
    )
    params = chat.get("params")
    system = params.get("system") if isinstance(params, dict) else None
    return KeptChat(
        title=_text(outer.get("title")) or _text(chat.get("title")),
        system_prompt=_text(system),
        created_s=_seconds(outer.get("created_at")),
        updated_s=_seconds(outer.get("updated_at")),
        messages=_without_loops(messages),
    )


def _without_loops(messages: tuple[KeptMessage, ...]) -> tuple[KeptMessage, ...]:
    """Messages that can be reached from a beginning; a file may say that two follow each other."""
    children: dict[int | None, list[KeptMessage]] = {}
    for message in messages:
        children.setdefault(message.parent, []).append(message)
    found: list[KeptMessage] = []
    waiting = list(children.get(None, ()))
    while waiting:
        message = waiting.pop()
        found.append(message)
        waiting += children.get(message.id, ())
    return tuple(sorted(found, key=lambda message: message.id))


def _lm_studio(data: dict[str, Any]) -> KeptChat:
    messages: list[KeptMessage] = []
    before: int | None = None
    for each in data["messages"]:
        versions = each.get("versions") if isinstance(each, dict) else None
        if not isinstance(versions, list):
            continue
        selected = each.get("currentlySelected", 0)
        following = before
        for at, version in enumerate(versions):
            role = _role(version.get("role")) if isinstance(version, dict) else None
            if role is None:
                continue
            number = len(messages) + 1
            messages.append(
                KeptMessage(
                    id=number,
                    parent=before,
                    role=role,
                    content=_lm_studio_text(version),
                    is_chosen=at == selected,
                )
            )
            if at == selected:
                following = number
        before = following
    config = data.get("perChatPredictionConfig")
    fields = config.get("fields") if isinstance(config, dict) else None
    named = [field for field in fields if isinstance(field, dict)] if isinstance(fields, list) else []
    system = next((f.get("value") for f in named if f.get("key") == "llm.prediction.systemPrompt"), None)
    return KeptChat(
        title=_text(data.get("name")),
        system_prompt=_text(system) or _text(data.get("systemPrompt")),
        created_s=_seconds(data.get("createdAt")) / 1000,
        messages=tuple(messages),
    )


def _lm_studio_text(version: dict[str, Any]) -> str:
    steps = version.get("steps")
    if isinstance(steps, list):
        blocks = [step for step in steps if isinstance(step, dict) and step.get("type") == "contentBlock"]
        return "\n\n".join(filter(None, (_parts(step.get("content")) for step in blocks)))
    return _parts(version.get("content"))


def _plain(data: dict[str, Any], turns: Iterable[object], who: str, what: str) -> KeptChat:
    messages: list[KeptMessage] = []
    system = _text(data.get("system"))
    for turn in turns:
        if not isinstance(turn, dict):
            continue
        role, content = _role(turn.get(who)), _parts(turn.get(what))
        if turn.get(who) == "system" and not messages:
            system = content
        elif role is not None and content:
            number = len(messages) + 1
            messages.append(KeptMessage(id=number, parent=number - 1 or None, role=role, content=content))
    title = _text(data.get("title")) or _text(data.get("name"))
    return KeptChat(title=title, system_prompt=system, messages=tuple(messages))


def _parts(content: object) -> str:
    """The text of a content that is a text, or a list of parts of which some are."""
    if isinstance(content, list):
        texts = (
            part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"
        )
        return "\n".join(text for text in texts if isinstance(text, str))
    return _text(content)


def _role(word: object) -> StoredRole | None:
    return _ROLES.get(word) if isinstance(word, str) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
