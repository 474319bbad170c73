"""What the store keeps of a conversation, as it is read and written."""

from dataclasses import dataclass
from typing import Literal

from kvdesk.chats.attachments import Attachment

StoredRole = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message. `figures` is the JSON of the turn's figures, "" when there are none.

    A superseded message is on another branch than the one that is shown (it was regenerated, or edited); it
    is kept. A dropped one is shown and left out of the context; a pinned one is never dropped when the
    context overflows. `stands_for` are the ids of the messages that a summary was made of, `siblings` those
    of all that stand in this message's place, itself among them, () when it stands there alone.
    """

    id: int
    role: StoredRole
    content: str
    reasoning: str = ""
    reasoning_s: float = 0.0
    figures: str = ""
    is_partial: bool = False
    is_superseded: bool = False
    created_s: float = 0.0
    is_pinned: bool = False
    is_dropped: bool = False
    stands_for: tuple[int, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    siblings: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredChat:
    """One conversation without its messages. `sampling` is JSON, "" for the defaults; times are Unix.

    `overflow` says what is to happen when its context is full, "" as the settings say.
    """

    id: int
    title: str
    system_prompt: str = ""
    sampling: str = ""
    draft: str = ""
    model: str = ""
    created_s: float = 0.0
    updated_s: float = 0.0
    tokens: int | None = None
    overflow: str = ""
    draft_attachments: tuple[Attachment, ...] = ()
    folder: str = ""


@dataclass(frozen=True, slots=True)
class ParkedCache:
    """A conversation's cache that rests in a file.

    `model` names the model by its content, `reread_s` is how long reading the `tokens` again would take, None
    where that is not known, and `used_s` when it was last written or taken back, in Unix time.
    """

    chat_id: int
    file: str
    model: str
    n_bytes: int
    tokens: int
    reread_s: float | None
    used_s: float = 0.0
