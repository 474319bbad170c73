"""Sparse attention: an index scores every cached token, and a mask lets only the best through."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F16, F32, I32, Sketch
from kvdesk.memory.shape import LayerShape, ModelShape


def has_index(shape: ModelShape, layer: LayerShape) -> bool:
    """Whether the layer chooses single tokens, and not blocks of them."""
    roles = shape.weights_by_layer[layer.index]
    is_single = any(side.tokens_per_cell == 1 for side in layer.side_caches)
    return is_single and "indexer.k_proj.weight" not in roles


def selects(s: Sketch) -> bool:
    """Whether the layer keeps an index of single tokens."""
    return has_index(s.shape, s.layer)


def reserve(s: Sketch) -> None:
    """The index has a mask of its own, and each choosing layer a blank selection, among the inputs."""
    cells = s.config.n_ctx_seq * s.n_tokens
    for layer in s.shape.layers[: s.shape.n_layer]:
        if has_index(s.shape, layer):
            if "index_mask" not in s.inputs:
                s.inputs["index_mask"] = s.expand(s.input(F16 * cells, "the index's mask"))
            s.inputs[f"blank_{layer.index}"] = s.expand(s.input(F32 * cells, "the index's selection"))


def selected(s: Sketch, mask: Tensor) -> Tensor:
    """The mask with everything closed but the best tokens (lightning indexer, top_k, set_rows)."""
    s.phase = "the index"
    cells, tokens = s.config.n_ctx_seq, s.n_tokens
    every = (cells, tokens)
    blank = s.expand(s.new(every, s.inputs[f"blank_{s.layer.index}"]))
    width = s.width("indexer.attn_q_b.weight") or s.width("indexer.attn_q.weight")
    query = s.new((width, tokens))
    for _ in range(2):  # RoPE, then the Hadamard rotation
        query = s.new((width, tokens), query.view())
    score = s.new(every, query.view(), s.inputs["index_mask"])
    count = (min(s.shape.index_top_k or cells, cells), tokens)
    best = s.new(count, s.new(count, score, item=I32), item=I32)
    item = F16 if s.config.uses_flash_attention else F32
    closed = s.new(every, mask, item=item)
    opened = Tensor(closed.n_bytes, s.phase, (blank, best, closed), shown=closed, device=s.device)
    out = s.new(every, opened, mask, item=item)
    s.phase = "attention"
    return out
