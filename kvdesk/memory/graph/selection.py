"""Sparse attention: an index scores every cached token, and a mask lets only the best through."""

from kvdesk.memory.graph import means
from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F16, F32, I32, I64, Sketch
from kvdesk.memory.shape import LayerShape, ModelShape


def selects(s: Sketch) -> bool:
    """Whether the layer reads what an index of single tokens chose, its own or an earlier layer's."""
    if has_index(s.shape, s.layer):
        return True
    return "chosen" in s.inputs and s.layer.window_tokens is None and not s.shape.index_mean


def has_index(shape: ModelShape, layer: LayerShape) -> bool:
    """Whether the layer chooses single tokens itself, and not blocks of them."""
    roles = shape.weights_by_layer[layer.index]
    is_single = any(side.tokens_per_cell == 1 for side in layer.side_caches)
    return (
        is_single and shape.index_pool == 0 and (shape.index_mean > 0 or "indexer.k_proj.weight" not in roles)
    )


def store_key(s: Sketch, x: Tensor) -> None:
    """The index's key of each token, written before attention begins."""
    if means.scores_means(s):
        means.store_key(s, x)
        return
    if not has_index(s.shape, s.layer):
        return
    role = "indexer.attn_k"
    ne = (s.width(f"{role}.weight"), s.n_tokens)
    key = s.new(ne, s.new(ne, x, reads=f"{role}.weight"))  # layer norm never works in place
    key = s.new(ne, key.view(), s.inputs["positions"])
    if s.shape.rotates_index:
        key = s.new(ne, _rotation(s), key.view())
    if "index_rows" not in s.inputs:
        s.inputs["index_rows"] = s.input(I64 * s.n_tokens)
    s.store(key.view(), s.inputs["index_rows"])


def selected(s: Sketch, mask: Tensor, x: Tensor, low: Tensor | None) -> Tensor:
    """The mask with everything closed but the best tokens (lightning indexer, top_k, set_rows).

    `low` is the query before its second matrix, from which the index makes its own.
    """
    s.phase = "the index"
    cells, tokens = s.config.n_ctx_seq, s.n_tokens
    every = (cells, tokens)
    best = (min((s.shape.index_top_k or cells) + max(s.shape.index_mean - 1, 0), cells), tokens)
    blank = s.expand(s.new(best, s.blank(best), reuse=True))
    if has_index(s.shape, s.layer):
        by_means = means.scores_means(s)
        s.inputs["chosen"] = means.chosen(s, x, mask, best) if by_means else _chosen(s, x, low, every, best)
    item = F16 if s.config.has_kernel else F32
    closed = s.new(every, mask, item=item)
    chosen = s.inputs["chosen"].view()
    opened = s.within(closed, blank, chosen, closed.view())
    out = s.new(every, opened.view(), mask, item=item)
    s.phase = "attention"
    return out


def _chosen(
    s: Sketch, x: Tensor, low: Tensor | None, every: tuple[int, int], best: tuple[int, int]
) -> Tensor:
    role = "indexer.attn_q_b.weight" if s.has("indexer.attn_q_b.weight") else "indexer.attn_q.weight"
    ne = (s.width(role), s.n_tokens)
    query = s.new(ne, s.new(ne, low or x, reads=role).view(), s.inputs["positions"])
    if s.shape.rotates_index:
        query = s.new(ne, _rotation(s), query.view())
    heads = (s.width("indexer.proj.weight"), s.n_tokens)
    weights = s.new(heads, s.new(heads, x, reads="indexer.proj.weight").view())
    if "index_mask" not in s.inputs:
        s.inputs["index_mask"] = s.input(F16 * every[0] * every[1], "the index's mask")
    scores = s.new(every, query.view(), weights, s.inputs["index_mask"])
    return s.new(best, s.new(best, scores, item=I32), item=I32)


def _rotation(s: Sketch) -> Tensor:
    size = s.weights["indexer.k_norm.weight"].shape[0]
    if "index_rotation" not in s.inputs:
        s.inputs["index_rotation"] = s.input(F32 * (size & -size) ** 2)
    return s.inputs["index_rotation"]
