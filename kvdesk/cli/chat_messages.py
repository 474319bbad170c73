"""The messages of a chat in the terminal, with what is pinned, dropped, or a summary of others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from kvdesk.engine.protocol import Message
from kvdesk.errors import OptionError
from kvdesk.plan.overflow import Weighed, exchanges


@dataclass(slots=True)
class Said:
    """A message. A dropped one is left out of the context; `row` is its place in the store, 0 without one."""

    message: Message
    is_dropped: bool = False
    is_summary: bool = False
    tokens: int | None = None
    row: int = 0


class Talk:
    """The messages in order, numbered from 1 as `/messages` shows them."""

    def __init__(self) -> None:
        self.said: list[Said] = []

    def __len__(self) -> int:
        return len(self.said)

    @property
    def is_answerable(self) -> bool:
        """Whether the last message is the user's and waits for an answer."""
        return bool(self.said) and self.said[-1].message.role == "user"

    @property
    def sent(self) -> list[Said]:
        """What is in the context."""
        return [said for said in self.said if not said.is_dropped]

    def prompt(self, system: str, draft: str = "") -> tuple[Message, ...]:
        """What the template sees."""
        first = [Message("system", system)] if system else []
        last = [Message("user", draft)] if draft else []
        return (*first, *(said.message for said in self.sent), *last)

    def weigh(self, system: str, tokens: Sequence[int], draft: str = "") -> tuple[Weighed, ...]:
        """The messages of a prompt with their tokens; `id` is the number of a message, 0 for the others."""
        sent = self.sent
        numbers = [number for number, said in enumerate(self.said, 1) if not said.is_dropped]
        for said, n in zip(sent, tokens[bool(system) :], strict=False):
            said.tokens = n
        ids = ([0] if system else []) + numbers + ([0] if draft else [])
        return tuple(
            Weighed(message.role, n, message.is_pinned, number)
            for message, n, number in zip(self.prompt(system, draft), tokens, ids, strict=False)
        )

    def add(self, message: Message) -> None:
        """Add a message at the end."""
        self.said.append(Said(message))

    def pop(self) -> Said:
        """Take the last message back."""
        return self.said.pop()

    def whole(self, numbers: Iterable[int]) -> list[int]:
        """The numbers with those that go with them: a question and its answer leave the context together.

        Only of what is in the context, and without exchanges that have a pinned message.
        """
        wanted = set(numbers)
        sent = [number for number, said in enumerate(self.said, 1) if not said.is_dropped]
        return [
            sent[place]
            for run in exchanges([Weighed(said.message.role, 0) for said in self.sent])
            if any(sent[p] in wanted for p in run)
            and not any(self.said[sent[p] - 1].message.is_pinned for p in run)
            for place in run
        ]

    def drop(self, numbers: Iterable[int]) -> list[int]:
        """Leave messages out of the context, whole exchanges of them; returns the numbers that went."""
        gone = self.whole(numbers)
        for number in gone:
            self.said[number - 1].is_dropped = True
        return gone

    def bring_back(self, numbers: Iterable[int]) -> None:
        """Bring dropped messages back."""
        for number in numbers:
            self.said[number - 1].is_dropped = False

    def pin(self, number: int) -> bool:
        """Protect a message from falling out, or let go of it; returns whether it now is protected."""
        said = self.said[number - 1]
        said.message = msgspec.structs.replace(said.message, is_pinned=not said.message.is_pinned)
        return said.message.is_pinned

    def numbers(self, text: str) -> list[int]:
        """Read "2", "2-5" or several of them. Raises OptionError for what is not there."""
        found: list[int] = []
        for word in text.replace(",", " ").split():
            first, _, last = word.partition("-")
            if not first.isdecimal() or (last and not last.isdecimal()):
                raise _no_message(word)
            found += range(int(first), int(last or first) + 1)
        bad = [number for number in found if not 1 <= number <= len(self.said)]
        if not found or bad:
            raise _no_message(str(bad[0]) if bad else text)
        return found


def _no_message(word: str) -> OptionError:
    return OptionError("There is no message {word}.", "/messages numbers them.", word=word or "?")
