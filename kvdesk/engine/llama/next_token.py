"""What a context expects to come next: the proof that a cache that was moved is still the same.

Scores are compared by the Kullback-Leibler divergence of the new ones from the old, in nats.
"""

import ctypes

import numpy as np
import numpy.typing as npt

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.layout import StateFormat
from kvdesk.engine.llama.library import llama
from kvdesk.errors import EngineError

Scores = npt.NDArray[np.float64]

# Above these a cache is taken as damaged, not as coarser. With the demo model a cache computed in these types
# from the start differs from f16 by 4e-5 (bf16), 1e-4 (q8_0), 2e-2 (q5) and 1e-1 (q4) at a middling token,
# ten times as much at a doubtful one; rows read with a wrong type, width or rotation differ by several nats.
_MOST_COPIED = 1e-3
_MOST_CONVERTED = {
    "f32": 1e-2,
    "f16": 1e-2,
    "bf16": 1e-2,
    "q8_0": 5e-2,
    "q5_1": 0.5,
    "q5_0": 0.5,
    "q4_1": 1.5,
    "q4_0": 1.5,
    "iq4_nl": 1.5,
}

_PARTIAL = 1  # LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY


def is_full(context: Context) -> bool:
    """Whether there is no room for one token more."""
    return len(context.tokens) >= context.n_ctx_seq


def next_scores(context: Context, *, again: bool) -> Scores | None:
    """The logarithm of each token's probability to come next; the context holds the same as before.

    One token more is read and forgotten. With `again`, for contexts that have no room for it, the last token
    is read a second time; a recurrent state cannot go back for that, and the answer is None.
    """
    n_tokens, last = len(context.tokens), context.tokens[-1]
    if context.keeps_state and again:
        return None
    with context.undisturbed():
        if again:
            context.keep(n_tokens - 1)
            context.decode((last,))
            return _scores(context)
        state = _state_beside_cells(context)
        context.decode((last,))
        scores = _scores(context)
        if state and llama.llama_state_seq_set_data_ext(context.handle, state, len(state), 0, _PARTIAL) == 0:
            raise EngineError("llama.cpp did not take the cache's contents back.")
        llama.llama_memory_seq_rm(context.memory, 0, n_tokens, -1)
        del context.tokens[n_tokens:]
        return scores


def _state_beside_cells(context: Context) -> "ctypes.Array[ctypes.c_uint8] | None":
    """A copy of what cannot go back by a token."""
    if not context.keeps_state:
        return None
    n_bytes = llama.llama_state_seq_get_size_ext(context.handle, 0, _PARTIAL)
    state: ctypes.Array[ctypes.c_uint8] = (ctypes.c_uint8 * n_bytes)()
    if llama.llama_state_seq_get_data_ext(context.handle, state, n_bytes, 0, _PARTIAL) != n_bytes:
        raise EngineError("llama.cpp could not copy the cache.")
    return state


def divergence(before: Scores, after: Scores) -> float:
    """How far the new scores are from the old ones, in nats; never below 0."""
    return max(0.0, float((np.exp(before) * (before - after)).sum()))


def most_divergence(source: StateFormat, target: StateFormat) -> float:
    """How far scores may be apart after a move from one format to another."""
    if source == target:
        return _MOST_COPIED
    elements = [element for cache in target.caches for element in (cache.k, cache.v)]
    return max((_MOST_CONVERTED[element.type_name] for element in elements), default=_MOST_COPIED)


def _scores(context: Context) -> Scores:
    logits = np.ctypeslib.as_array(
        llama.llama_get_logits_ith(context.handle, -1), (context.model.n_vocab,)
    ).astype(np.float64)
    logits -= logits.max()
    scores: Scores = logits - np.log(np.exp(logits).sum())
    return scores
