"""Tells which conversation a request goes on with: clients send all of it each time and give it no name.

The engine keeps the tokens of each conversation under a name. With the right one nothing is read again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import msgspec

from kvdesk.engine.protocol import Message

MOST = 16  # as many as the engine keeps tokens of (turn.CHATS_REMEMBERED)
_TURN = 2  # a question and its answer: what a new question or another answer may differ in


@dataclass(frozen=True, slots=True)
class Continued:
    """A request as the engine is to have it: under a name, with the reasoning that the client left out."""

    chat: str
    messages: tuple[Message, ...]


class KnownChats:
    """The conversations of an endpoint, the one used last at the end. Names begin with `prefix`."""

    def __init__(self, prefix: str = "endpoint") -> None:
        self._prefix = prefix
        self._numbers = count(1)
        self._known: dict[str, tuple[Message, ...]] = {}

    def find(self, messages: tuple[Message, ...]) -> Continued:
        """The conversation that these messages go on with, or a new one.

        They do where they agree with all of it but its last turn, and with something a person said.
        """
        best, shared = "", 0
        for chat, known in self._known.items():
            length = _shared(known, messages)
            is_same = length >= len(known) - _TURN and any(m.role == "user" for m in messages[:length])
            if is_same and length >= shared:  # of equal ones, the one used last
                best, shared = chat, length
        if not best:
            return Continued(f"{self._prefix}-{next(self._numbers)}", messages)
        known = self._known[best]
        completed = [_completed(was, now) for was, now in zip(known[:shared], messages, strict=False)]
        return Continued(best, (*completed, *messages[shared:]))

    def remember(self, chat: str, messages: tuple[Message, ...]) -> None:
        """Keep what a conversation consists of now, the answer included."""
        self._known.pop(chat, None)
        self._known[chat] = messages
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]

    def forget(self) -> None:
        """Another model was loaded: nothing is in its cache."""
        self._known.clear()


def _shared(known: Sequence[Message], messages: Sequence[Message]) -> int:
    length = 0
    for was, now in zip(known, messages, strict=False):
        if was.role != now.role or was.content.strip() != now.content.strip():
            break
        length += 1
    return length


def _completed(was: Message, now: Message) -> Message:
    """A message as it was generated: to the byte, with its reasoning, if the client has not its own."""
    return was if not now.reasoning else msgspec.structs.replace(was, reasoning=now.reasoning)
