"""Conversations between two forms: rows of the store and what the window shows."""

from typing import Literal, get_args

import msgspec

from kvdesk.chats.rows import StoredChat, StoredMessage
from kvdesk.plan.sampling import Sampling
from kvdesk.session.state import ChatMessage, ChatSummary, Conversation, TurnFigures
from kvdesk.settings.rows import OverflowPolicy


def summary_of(chat: StoredChat) -> ChatSummary:
    """Return the row of the list."""
    return ChatSummary(chat.id, chat.title, chat.updated_s, chat.tokens, chat.folder)


def conversation_of(chat: StoredChat, messages: tuple[StoredMessage, ...]) -> Conversation:
    """Return the open conversation."""
    return Conversation(
        id=chat.id,
        title=chat.title,
        messages=tuple(message_of(message) for message in messages),
        system_prompt=chat.system_prompt,
        sampling=read_sampling(chat.sampling),
        draft=chat.draft,
        overflow=_read_overflow(chat.overflow),
        attachments=chat.draft_attachments,
    )


def message_of(message: StoredMessage) -> ChatMessage:
    """Return the message as it is shown."""
    return ChatMessage(
        id=message.id,
        role=message.role,
        content=message.content,
        reasoning=message.reasoning,
        reasoning_s=message.reasoning_s,
        figures=_read_figures(message.figures),
        is_partial=message.is_partial,
        is_pinned=message.is_pinned,
        is_dropped=message.is_dropped,
        stands_for=message.stands_for,
        siblings=message.siblings,
        attachments=message.attachments,
    )


def write_sampling(sampling: Sampling) -> str:
    """Return the JSON that the store keeps; "" for the defaults."""
    return "" if sampling == Sampling() else msgspec.json.encode(sampling).decode()


def read_sampling(text: str) -> Sampling:
    """Read it back; what another version wrote and this one cannot read gives the defaults."""
    try:
        return msgspec.json.decode(text, type=Sampling) if text else Sampling()
    except msgspec.DecodeError:
        return Sampling()


def write_figures(figures: TurnFigures | None) -> str:
    """Return the JSON that the store keeps; "" for none."""
    return "" if figures is None else msgspec.json.encode(figures).decode()


def _read_figures(text: str) -> TurnFigures | None:
    try:
        return msgspec.json.decode(text, type=TurnFigures) if text else None
    except msgspec.DecodeError:
        return None


def _read_overflow(text: str) -> OverflowPolicy | Literal[""]:
    return next((policy for policy in get_args(OverflowPolicy) if policy == text), "")
