"""Moves what follows a gap in a conversation together in the cache, where that can be done."""

from collections.abc import Sequence

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.transcript import common_length
from kvdesk.phrases import Phrase

FEWEST_MOVED = 16  # tokens; fewer equal ones in a row may be a coincidence, and are read again in no time


def shift_obstacle(context: Context) -> Phrase:
    """Why what follows a gap cannot be moved; "" where it can. To be read after a colon."""
    if context.keeps_state:
        return Phrase("this model keeps a state that nothing can be taken out of.")
    if context.can_shift:
        # ggml's rope, which the K of moved tokens goes through, aborts on bf16 on the CPU, and a GPU's
        # backend without it hands it to the CPU.
        if context.options.cache_type_k == "bf16":
            return Phrase("K in bf16 cannot be moved: llama.cpp would end.")
        return Phrase("")
    if llama.llama_model_n_swa(context.model.handle) and not context.options.swa_full:
        return Phrase("sliding windows keep too little; with --swa-full they could be moved.")
    return Phrase("llama.cpp cannot move this model's positions.")


def shift_together(context: Context, wanted: Sequence[int]) -> int:
    """Close gaps in what a context holds so that it begins as the wanted tokens do; nothing else is changed.

    Returns how many tokens were moved. What cannot be had by leaving something out stays as it is.
    """
    moved = 0
    place = common_length(wanted, context.tokens)
    while found := _next_run(context.tokens, wanted, place):
        first, length = found
        context.close_gap(place, first)
        place += length
        moved += length
    return moved


def _next_run(held: list[int], wanted: Sequence[int], place: int) -> tuple[int, int] | None:
    """Where in what is held the wanted tokens from `place` on stand further back, and how many of them."""
    if len(wanted) - place < FEWEST_MOVED:
        return None
    head = list(wanted[place : place + FEWEST_MOVED])
    first = place
    while True:
        try:
            first = held.index(head[0], first + 1)
        except ValueError:
            return None
        if held[first : first + FEWEST_MOVED] == head:
            return first, common_length(held[first:], wanted[place:])
