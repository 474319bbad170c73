"""Keeps in memory the caches of conversations that are not in the cache now, to come back unread."""

from typing import NamedTuple

import psutil

from kvdesk.engine.llama.checkpoints import Checkpoints
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.layout import POSITION_OPTIONS, StateFormat, format_of
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.space import Space, new_space, put_state, state_bytes, take_state
from kvdesk.errors import DoesNotFit, EngineError

FEWEST_TOKENS = 32  # fewer are read again as fast
_SHARE = 4  # a quarter of the memory that is free when something is put away


class Shelved(NamedTuple):
    """One conversation's cache: its contents as llama.cpp writes them, and the tokens they are of."""

    format: StateFormat
    positions: tuple[object, ...]
    state: Space
    tokens: list[int]
    checkpoints: Checkpoints

    @property
    def n_bytes(self) -> int:
        """What it takes."""
        return self.state.n_bytes + self.checkpoints.n_bytes


class Shelf:
    """Caches by conversation, the one put away last at the end; the oldest go when there is no room."""

    def __init__(self, budget_bytes: int | None = None) -> None:
        self._budget_bytes = budget_bytes
        self._kept: dict[str, Shelved] = {}

    @property
    def n_bytes(self) -> int:
        """What all of them take."""
        return sum(each.n_bytes for each in self._kept.values())

    def tokens(self, chat: str) -> list[int]:
        """The tokens of a conversation's cache; none where there is none."""
        return self._kept[chat].tokens if chat in self._kept else []

    def checkpoints(self, chat: str) -> Checkpoints:
        """The checkpoints that rest with a conversation's cache."""
        return self._kept[chat].checkpoints if chat in self._kept else Checkpoints(0)

    def fits(self, chat: str, context: Context) -> bool:
        """Whether a conversation's cache is here and the context is such as it was made in."""
        found = self._kept.get(chat)
        return (
            found is not None
            and len(found.tokens) <= context.n_ctx_seq
            and (found.format, found.positions) == (format_of(context), _positions(context))
        )

    def put(self, chat: str, context: Context, wanted: str = "") -> None:
        """Put away what the context holds, where there is room for it; its tokens stay in the context.

        What others have left gives way, but for the conversation that is `wanted` next.
        """
        self.drop(chat)
        n_bytes = state_bytes(context)
        needed_bytes = n_bytes + context.checkpoints.n_bytes
        if len(context.tokens) < FEWEST_TOKENS or not self._make_room(needed_bytes, wanted):
            return
        try:
            state = new_space(n_bytes)
            take_state(context, state)
        except (DoesNotFit, EngineError):
            return  # it is read again then, as without a shelf
        self._kept[chat] = Shelved(
            format_of(context), _positions(context), state, list(context.tokens), context.checkpoints
        )
        context.checkpoints = Checkpoints()

    def take(self, chat: str, context: Context) -> bool:
        """Bring a conversation's cache back into the context; False where that cannot be: the context is
        unchanged then, or empty.
        """
        is_fit = self.fits(chat, context)
        found = self._kept.pop(chat, None)
        if found is None or not is_fit:
            return False
        try:
            put_state(context, found.state, found.tokens)
        except EngineError:
            return False
        if llama.llama_memory_seq_pos_max(context.memory, 0) != len(found.tokens) - 1:
            context.keep(0)
            return False
        context.checkpoints = found.checkpoints
        return True

    def drop(self, chat: str) -> None:
        """Let go of one."""
        self._kept.pop(chat, None)

    def _make_room(self, n_bytes: int, wanted: str) -> bool:
        free = psutil.virtual_memory().available + self.n_bytes
        budget = self._budget_bytes if self._budget_bytes is not None else free // _SHARE
        for chat in [chat for chat in self._kept if chat != wanted]:
            if self.n_bytes + n_bytes <= budget:
                break
            del self._kept[chat]
        return self.n_bytes + n_bytes <= budget


def _positions(context: Context) -> tuple[object, ...]:
    """How positions are scaled: K is kept turned by them."""
    return tuple(getattr(context.options, name) for name in POSITION_OPTIONS)
