"""Texts that go along with a message: how they are read, kept and put into the prompt."""

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kvdesk.errors import StoreError
from kvdesk.units import MIB, format_bytes

LARGEST_BYTES = 16 * MIB  # some four million tokens: more than any context holds


class Attachment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A text with a name. `tokens` as the model counted that was loaded when it was attached."""

    name: str
    text: str
    tokens: int | None = None


def read_file(path: Path) -> Attachment:
    """Read a text file in UTF-8, or in UTF-16 that says so. Raises StoreError where it is none."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST_BYTES else b""
    except OSError as error:
        raise StoreError(
            "{name} cannot be read: {reason}.",
            "Choose a file that you may read.",
            name=path.name,
            reason=error.strerror or str(error),
        ) from error
    if size > LARGEST_BYTES:
        raise StoreError(
            "{name} is too large to be attached: {size}.",
            "Attach a part of it; a file may have {most}.",
            name=path.name,
            size=format_bytes(size),
            most=format_bytes(LARGEST_BYTES),
        )
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise StoreError(
            "{name} is not a text file.", "Attach plain text; save other text as UTF-8.", name=path.name
        )
    return Attachment(path.name, text)


def prompt_text(content: str, attachments: Sequence[Attachment]) -> str:
    """Return what the model reads: each text fenced under its name, then what the user wrote."""
    parts = []
    for attached in attachments:
        fence = "`" * (max([2, *map(len, re.findall("`+", attached.text))]) + 1)
        text = attached.text.rstrip("\n")
        parts.append(f"Attached file “{attached.name}”:\n{fence}\n{text}\n{fence}")
    return "\n\n".join([*parts, content] if content else parts)


def write_attachments(attachments: Sequence[Attachment]) -> str:
    """Return the JSON that the store keeps; "" for none."""
    return msgspec.json.encode(attachments).decode() if attachments else ""


def read_attachments(text: str) -> tuple[Attachment, ...]:
    """Read it back."""
    return msgspec.json.decode(text, type=tuple[Attachment, ...]) if text else ()
