"""Asks the loaded model what each text attached to the draft takes, one after the other."""

from dataclasses import replace

import msgspec

from kvdesk.session import events
from kvdesk.session.parts import Parts
from kvdesk.session.state import Phase


def count_next(parts: Parts) -> None:
    """Ask for the tokens of the first attachment that has not been counted."""
    chat = parts.state.chat
    if chat is None or parts.state.engine.phase is not Phase.READY or parts.driver.is_at("attachment"):
        return
    parts.counted_attachment = next((each for each in chat.attachments if each.tokens is None), None)
    if parts.counted_attachment is not None:
        parts.driver.tokenize(parts.counted_attachment.text, "attachment")


def count_anew(parts: Parts) -> None:
    """Another model is loaded, which counts in its own way."""
    if parts.state.chat is not None and parts.state.chat.attachments:
        uncounted = (msgspec.structs.replace(each, tokens=None) for each in parts.state.chat.attachments)
        parts.take(events.AttachmentsChanged(tuple(uncounted)))


def counted(parts: Parts, tokens: int) -> None:
    """The model counted an attachment, which may have been taken away in the meantime."""
    asked, chat = parts.counted_attachment, parts.state.chat
    if asked is None or chat is None:
        return
    now = msgspec.structs.replace(asked, tokens=tokens)
    attachments = tuple(now if each == asked else each for each in chat.attachments)
    if attachments != chat.attachments:
        parts.take(events.AttachmentsChanged(attachments))
        parts.saving.save_draft(replace(chat, attachments=attachments))
    count_next(parts)
