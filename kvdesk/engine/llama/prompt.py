"""A conversation ready to be read, and what the cache has to do with it."""

from dataclasses import dataclass
from typing import Literal

from kvdesk.engine.llama.transcript import Transcript, common_length
from kvdesk.engine.protocol import Message, RereadReason


@dataclass(frozen=True, slots=True)
class Prompt:
    """Its tokens are the first `n_tokens` of the transcript, which an answer then makes longer.

    `reused_tokens` are in the cache, or come back to it from a checkpoint at that place where `restored_from`
    says so; `reread_tokens` had been in it. `last_message` is where the last message's tokens begin.
    """

    transcript: Transcript
    n_tokens: int
    reused_tokens: int
    reread_tokens: int
    reread_reason: RereadReason
    last_message: int
    restored_from: Literal["", "checkpoint", "shelf"] = ""
    changed_message: int | None = None


def first_change(before: Transcript, after: Transcript) -> int | None:
    """The place of the first message that is another than it was; None where only more were said."""
    pairs = zip(before.messages, after.messages, strict=False)
    return next((n for n, (was, now) in enumerate(pairs) if _said(was) != _said(now)), None)


def change(before: Transcript, after: Transcript) -> RereadReason:
    """Why a conversation's text is not the same as last time."""
    place = first_change(before, after)
    if place is not None:
        is_left_out = _said(after.messages[place]) in map(_said, before.messages[place + 1 :])
        return "context_shifted" if is_left_out else "history_changed"
    answer = before.answer_at(common_length(before.text, after.text))
    return "reasoning_dropped" if answer is not None and answer.has_reasoning else "template_rewrote"


def _said(message: Message) -> tuple[str, str]:
    return message.role, message.content
