"""GLM-5-Next's sparse attention: the index scores pools of tokens, and a mask lets the best pools through."""

from kvdesk.memory.configuration import pad
from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F16, F32, I32, I64, Sketch

_GATE = "indexer_compressor_gate.weight"


def has_pools(s: Sketch) -> bool:
    """Whether the model's index works on pools."""
    return s.shape.index_pool > 0


def reserve(s: Sketch) -> None:
    """build_inp_kpool: these stand among the inputs whether a layer reads them or not."""
    new, pools, _, selected = _counts(s)
    sizes = {
        "pool_cells": I32 * pools,
        "pool_members": I32 * s.shape.index_pool * pools,
        "pool_mask": F16 * pools * s.n_tokens,
        "pool_tail": I32 * (s.shape.index_pool - 1) * s.n_tokens,
        "pool_live": F32 * selected * s.n_tokens,
    }
    for role, n_bytes in sizes.items():
        s.inputs[role] = s.expand(s.input(n_bytes, "the index's mask"))
    s.inputs["pool_rows"] = s.input(I64 * s.n_tokens)
    s.inputs["pool_new"] = s.input(I32 * s.shape.index_pool * new)
    s.inputs["pool_new_at"] = s.input(I64 * new)


def store_keys(s: Sketch, x: Tensor) -> None:
    """Each token's key and gate, and the key of each pool that the batch completes."""
    if not s.has(_GATE):
        return
    tokens, size, (new, _, _, _) = s.n_tokens, s.shape.index_pool, _counts(s)
    head = s.width(_GATE)
    ne, shape = (head, tokens), (size, head, new)
    key = s.new(ne, s.new(ne, x, reads="indexer.attn_k.weight"))  # layer norm never works in place
    zeros = s.new(ne, s.blank(ne), reuse=True)
    packed = s.new((3 * head, tokens), s.new((2 * head, tokens), key, s.new(ne, x, reads=_GATE)), zeros)
    s.store(packed.view(), s.inputs["pool_rows"])
    rows = s.new((2 * head, size * new), s.inputs["pool_new"].view())
    odds = s.new(shape, s.new(shape, s.new(shape, rows.view()).view()).view())
    summed = s.new((head, new), s.new(shape, odds.view(), s.new(shape, rows.view()), reuse=True))
    s.store(summed.view(), s.inputs["pool_new_at"])


def selected(s: Sketch, mask: Tensor, x: Tensor, low: Tensor) -> Tensor:
    """The mask through which only the best pools are seen; layers without an index read the last one's."""
    if s.has(_GATE):
        s.phase = "the index"
        s.inputs["pool_selection"] = _mask(s, mask, _members(s, x, low))
        s.phase = "attention"
    return s.inputs["pool_selection"]


def _members(s: Sketch, x: Tensor, low: Tensor) -> Tensor:
    """The cells of the best pools, and of the tokens that fill no pool yet."""
    tokens, size, (_, pools, best, chosen) = s.n_tokens, s.shape.index_pool, _counts(s)
    ne = (best, tokens)
    query = s.linear(low, "indexer.attn_q_b")
    keys = s.new((s.width(_GATE), pools), s.inputs["pool_cells"])
    heads = (s.width("indexer.proj.weight"), tokens)
    weights = s.new(heads, x, reads="indexer.proj.weight")
    scores = s.new((pools, tokens), query.view(), keys.view(), weights, s.inputs["pool_mask"])
    top = s.new(ne, scores, item=I32)
    order = s.new(ne, s.new(ne, scores.view(), top).view(), item=I32)
    sorted_top = s.new(ne, s.new(ne, s.new(ne, top).view(), order).view())
    sorted_top = s.new(ne, sorted_top, item=I32)
    members = s.new((size * best, tokens), s.inputs["pool_members"], sorted_top.view(), item=I32)
    if chosen == size * best:
        return members.view()
    return s.new((chosen, tokens), members.view(), s.inputs["pool_tail"], item=I32)


def _mask(s: Sketch, mask: Tensor, members: Tensor) -> Tensor:
    """Opens the chosen cells; places without a token are sent to rows behind the last cell (set_rows)."""
    tokens, cells, chosen = s.n_tokens, s.config.n_ctx_seq, _counts(s)[3]
    item = F16 if s.config.has_kernel else F32
    ne = (chosen, tokens)
    seed = s.new((1,), members.view())
    zeros = s.new(ne, s.new((1,), seed))
    places = s.new((chosen,))
    moved = s.new(ne, s.new(ne, members), places, reuse=True)
    moved = s.new(ne, moved, s.new(ne, s.inputs["pool_live"].view()), reuse=True)
    moved = s.new(ne, s.new(ne, moved, places, reuse=True), item=I32)
    closed = s.new((cells + chosen, tokens), s.new((1,), s.new((1,), seed, item=item), item=item), item=item)
    sources = (zeros.view(), moved.view(), closed.view())
    opened = s.within(closed, *sources)
    return s.new((cells, tokens), opened.view(), mask.view(), item=item)


def _counts(s: Sketch) -> tuple[int, int, int, int]:
    """Pools that a batch may complete, pools, pools chosen a token, and cells chosen a token."""
    size = s.shape.index_pool
    new = s.config.n_ctx_seq // size * s.config.n_seq_max
    pools = max(64, pad(new + 1, 64))  # kpool_pad
    best = min(pools, s.shape.index_top_k // size)
    return new, pools, best, size * best + (size - 1 if s.shape.index_tail else 0)
