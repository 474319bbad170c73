"""Conversations in files: our own JSON with everything, Markdown to read, and which form a file has."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from kvdesk.chats.attachments import LARGEST_BYTES, prompt_text
from kvdesk.chats.foreign import foreign_chats
from kvdesk.chats.kept import KeptChat, KeptMessage
from kvdesk.durable import replace_file
from kvdesk.errors import StoreError

FORMAT = "kvdesk-chats"
VERSION = 1
FileForm = Literal["json", "markdown"]
_LARGEST_BYTES = 64 * LARGEST_BYTES
# A message may have headings of its own; comments, which nobody sees, say where one begins.
_SIGN = "<!-- kvdesk:"
_MARK = re.compile(rf"^{_SIGN}(chat|system|user|assistant) -->\n", re.MULTILINE)
_HEADING = re.compile(r"^## (User|Assistant)[ \t]*$", re.MULTILINE)  # of a file by another hand


class _ChatFile(msgspec.Struct, frozen=True):
    format: str
    version: int
    chats: tuple[KeptChat, ...]


def form_of(path: Path) -> FileForm:
    """Which form a file's name asks for."""
    return "markdown" if path.suffix.lower() in (".md", ".markdown") else "json"


def write_chats(chats: Sequence[KeptChat], path: Path) -> None:
    """Write conversations into a file, whole or not at all. Raises StoreError."""
    if form_of(path) == "markdown":
        data = "\n\n".join(map(to_markdown, chats)).encode()
    else:
        kept = msgspec.json.encode(_ChatFile(FORMAT, VERSION, tuple(chats)))
        data = msgspec.json.format(kept, indent=1)
    try:
        replace_file(path, data)
    except OSError as error:
        raise StoreError(
            "{path} could not be written.",
            "Choose another folder, or make room on the disk.",
            path=str(path),
        ) from error


def to_markdown(chat: KeptChat) -> str:
    """Return the messages that are shown, under headings; attached texts are fenced."""
    parts = [f"{_SIGN}chat -->\n# {chat.title or 'Chat'}"]
    if chat.system_prompt:
        parts.append(f"{_SIGN}system -->\n## System prompt\n\n{_told(chat.system_prompt)}")
    for message in shown(chat):
        text = _told(prompt_text(message.content, message.attachments))
        parts.append(f"{_SIGN}{message.role} -->\n## {message.role.capitalize()}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def _told(text: str) -> str:
    return text.strip("\n").replace(_SIGN, "<!-- kvdesk&#58;")


def shown(chat: KeptChat) -> list[KeptMessage]:
    """The messages along the branches that are shown."""
    path: list[KeptMessage] = []
    at: int | None = None
    while found := [m for m in chat.messages if m.parent == at and (m.is_chosen or not m.stands_for)]:
        path.append(max(found, key=lambda m: (m.is_chosen, m.id)))
        at = path[-1].id
    return path


def read_chats(path: Path) -> tuple[KeptChat, ...]:
    """Read conversations from a file: our JSON, LM Studio's, Open WebUI's, ShareGPT's, or Markdown.

    Raises StoreError where there is none in it.
    """
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise OSError("too large")
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(
            "{name} cannot be read: {reason}.",
            "Choose a file of conversations in JSON or Markdown.",
            name=path.name,
            reason=reason,
        ) from error
    chats = _from_markdown(text, path.stem) if form_of(path) == "markdown" else _from_json(text, path)
    if not any(chat.messages for chat in chats):
        raise StoreError(
            "{name} has no conversation in it that KV Desk knows how to read.",
            "It reads its own JSON and Markdown, and JSON of LM Studio, Open WebUI and ShareGPT.",
            name=path.name,
        )
    return tuple(chat for chat in chats if chat.messages)


def _from_json(text: str, path: Path) -> list[KeptChat]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        try:  # a conversation a line
            data = [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError) as error:
            raise StoreError(
                "{name} is not JSON.", "Choose a file as it was exported.", name=path.name
            ) from error
    if isinstance(data, dict) and data.get("format") == FORMAT:
        return _own(data, path)
    return foreign_chats(data, path.stem)


def _own(data: object, path: Path) -> list[KeptChat]:
    try:
        read = msgspec.convert(data, _ChatFile)
    except msgspec.ValidationError as error:
        raise StoreError(
            "{name} is damaged: {reason}.", "Export it again.", name=path.name, reason=str(error)
        ) from error
    if read.version > VERSION:
        raise StoreError(
            "{name} was written by a newer KV Desk.", "Update KV Desk to read it.", name=path.name
        )
    return list(read.chats)


def _from_markdown(text: str, name: str) -> list[KeptChat]:
    text = text.replace("\r\n", "\n")
    pieces = _MARK.split(text)
    if len(pieces) == 1:
        pieces = _HEADING.split(text)
        turns = [
            (word.lower(), body.strip("\n")) for word, body in zip(pieces[1::2], pieces[2::2], strict=True)
        ]
        title = re.match(r"\s*# (.*)", pieces[0])
        return [_talk(title[1] if title else name, turns)]
    chats = []
    title_line, turns = name, []
    for word, body in zip(pieces[1::2], pieces[2::2], strict=True):
        heading, _, rest = body.partition("\n")
        if word == "chat":
            chats.append(_talk(title_line, turns))
            title_line, turns = heading.removeprefix("# "), []
        else:
            turns.append((word, rest.strip("\n").replace("<!-- kvdesk&#58;", _SIGN)))
    return [*chats, _talk(title_line, turns)]


def _talk(title: str, turns: Sequence[tuple[str, str]]) -> KeptChat:
    said = [(word, text) for word, text in turns if word != "system"]
    messages = tuple(
        KeptMessage(
            id=number,
            parent=number - 1 or None,
            role="user" if word == "user" else "assistant",
            content=text,
        )
        for number, (word, text) in enumerate(said, 1)
    )
    system = next((text for word, text in turns if word == "system"), "")
    return KeptChat(title=title, system_prompt=system, messages=messages)
