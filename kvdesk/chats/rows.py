"""What the store keeps of a conversation, as it is read and written."""

from dataclasses import dataclass
from typing import Literal

StoredRole = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message. `figures` is the JSON of the turn's figures, "" when there are none.

    A superseded message gave way to a newer one (regenerated, edited); it is kept and not shown.
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


@dataclass(frozen=True, slots=True)
class StoredChat:
    """One conversation without its messages. `sampling` is JSON, "" for the defaults; times are Unix."""

    id: int
    title: str
    system_prompt: str = ""
    sampling: str = ""
    draft: str = ""
    model: str = ""
    created_s: float = 0.0
    updated_s: float = 0.0
    tokens: int | None = None
