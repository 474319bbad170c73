"""Moves what follows a gap in a conversation together in the cache, where that can be done."""

from collections.abc import Sequence

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.transcript import common_length
from kvdesk.memory.cache_types import BY_NAME
from kvdesk.phrases import Phrase
from kvdesk.plan import shifting

_NOT_ROTATED = "attn_rot_k = 0"  # llama_kv_cache; the graph that moves K relies on the rotation
FEWEST_MOVED = 16  # tokens; fewer equal ones in a row may be a coincidence, and are read again in no time


def shift_obstacle(context: Context) -> Phrase:
    """Why what follows a gap cannot be moved now; "" where it can. To be read after a colon."""
    shape = context.model.shape
    if shape is None:
        return Phrase("this architecture is not known well enough.")
    obstacle = shifting.shift_obstacle(shape, context.options)
    if obstacle is not None:
        return obstacle
    if not context.can_shift:
        return Phrase("llama.cpp cannot move this model's positions.")
    if shape.window_tokens is not None and llama.llama_memory_seq_pos_min(context.memory, 0) > 0:
        # After a move, or when it comes back from a state, a full window cache loses what has left the
        # window, too: llama_kv_cache::find_slot then takes masked cells before empty ones.
        return Phrase("the oldest tokens have left its sliding windows.")
    if BY_NAME[context.options.cache_type_k].is_quantised and _NOT_ROTATED in "".join(context.log_lines):
        return Phrase(
            "K in {type} cannot be moved while LLAMA_ATTN_ROT_DISABLE is set.",
            type=context.options.cache_type_k,
        )
    return Phrase("")


def shift_together(context: Context, wanted: Sequence[int]) -> int:
    """Close gaps in what a context holds so that it begins as the wanted tokens do; nothing else is changed.

    Returns how many tokens were moved. What cannot be had by leaving something out stays as it is.
    """
    held, gaps = context.tokens, []
    place = from_place = common_length(wanted, held)
    while found := _next_run(held, wanted, from_place, place):
        first, length = found
        gaps.append((from_place, first))
        from_place = first + length
        place += length
    if gaps:
        context.keep(from_place)  # what comes after the last run is not wanted
        context.close_gaps(gaps)
    return place - gaps[0][0] if gaps else 0


def _next_run(
    held: Sequence[int], wanted: Sequence[int], from_place: int, place: int
) -> tuple[int, int] | None:
    """Where in what is held, after `from_place`, the tokens wanted at `place` stand, and how many of them."""
    if len(wanted) - place < FEWEST_MOVED:
        return None
    head = list(wanted[place : place + FEWEST_MOVED])
    first = from_place
    while True:
        try:
            first = held.index(head[0], first + 1)
        except ValueError:
            return None
        if held[first : first + FEWEST_MOVED] == head:
            return first, common_length(held[first:], wanted[place:])
