"""Keeps, turn by turn, what a model cannot rewind: recurrent states and sliding windows.

With it a conversation goes back to an earlier place without being read again from its first token. Attention
that keeps everything needs none of this: it forgets what follows by itself. llama-server does the same
(server_context's checkpoints, llama_state_seq_get_data_ext with LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY).
"""

import ctypes
from itertools import pairwise
from typing import NamedTuple

import psutil

from kvdesk.engine.llama.library import llama

_PARTIAL = 1  # LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
_MOST_BYTES = 1 << 30
_SHARE = 20  # a twentieth of this computer's memory, if that is less


class Checkpoint(NamedTuple):
    """What could not be rewound as it was after `n_tokens`."""

    n_tokens: int
    state: "ctypes.Array[ctypes.c_uint8]"


class Checkpoints:
    """Those of what a cache holds, in order; when they take more than `budget_bytes` some go."""

    def __init__(self, budget_bytes: int | None = None) -> None:
        self._budget_bytes = budget_bytes if budget_bytes is not None else default_budget_bytes()
        self._kept: list[Checkpoint] = []

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def n_bytes(self) -> int:
        """What they take."""
        return sum(len(each.state) for each in self._kept)

    def take(self, handle: int, n_tokens: int) -> None:
        """Keep one of this moment of a context that holds `n_tokens`, if there is room for it at all."""
        size = llama.llama_state_seq_get_size_ext(handle, 0, _PARTIAL)
        if not n_tokens or not size or size > self._budget_bytes or self.before(n_tokens) == n_tokens:
            return
        state: ctypes.Array[ctypes.c_uint8] = (ctypes.c_uint8 * size)()
        if llama.llama_state_seq_get_data_ext(handle, state, size, 0, _PARTIAL) == size:
            self.forget_after(n_tokens)
            self._kept.append(Checkpoint(n_tokens, state))
            self._shrink()

    def before(self, n_tokens: int) -> int:
        """The place of the last one at or before a number of tokens; 0 without one."""
        return max((each.n_tokens for each in self._kept if each.n_tokens <= n_tokens), default=0)

    def restore(self, handle: int, n_tokens: int) -> bool:
        """Bring what cannot be rewound back to the one at `n_tokens`; False leaves it as it was or torn."""
        found = next((each for each in self._kept if each.n_tokens == n_tokens), None)
        if found is None:
            return False
        size = len(found.state)
        return bool(llama.llama_state_seq_set_data_ext(handle, found.state, size, 0, _PARTIAL) == size)

    def forget_after(self, n_tokens: int) -> None:
        """Drop those of tokens that are in the cache no more."""
        self._kept = [each for each in self._kept if each.n_tokens <= n_tokens]

    def _shrink(self) -> None:
        """Drop the one nearest to its neighbour before it: a spread of places stays, and the latest."""
        while self.n_bytes > self._budget_bytes and len(self._kept) > 1:
            places = [0, *(each.n_tokens for each in self._kept)]
            gaps = [after - before for before, after in pairwise(places)]
            nearest = min(range(len(gaps) - 1), key=gaps.__getitem__)
            del self._kept[nearest]


def default_budget_bytes() -> int:
    """What checkpoints may take of this computer's memory."""
    total_bytes: int = psutil.virtual_memory().total
    return min(_MOST_BYTES, total_bytes // _SHARE)
