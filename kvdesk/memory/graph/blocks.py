"""MiniMax-M3's sparse attention: an index chooses blocks of positions for every group of heads."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F16, F32, I32, I64, CacheInputs, Sketch

# llama_kv_cache_msa_context::get_n_pos: of an empty cache, as it is when buffers are reserved.
_POSITIONS = 256


def chooses_blocks(s: Sketch) -> bool:
    """Whether the layer has such an index that is in use: it needs flash attention and a cache a sequence."""
    config = s.config
    return (
        s.shape.index_block > 0
        and s.has("indexer.k_proj.weight")
        and config.has_kernel
        and (config.n_seq_max == 1 or not config.kv_unified)
    )


def store_key(s: Sketch, x: Tensor) -> None:
    """The index's own key, written before anything else of the layer."""
    if "block_rows" not in s.inputs:
        s.inputs["block_rows"] = s.input(I64 * s.n_tokens)
    key = _projected(s, x, "k")
    s.store(key.view(), s.inputs["block_rows"])


def attend_to_blocks(s: Sketch, x: Tensor, q: Tensor, cache: CacheInputs) -> Tensor:
    """Batches are computed sequence by sequence (build_attn_msa_fa)."""
    layer, streams = s.layer, s.config.streams
    per_stream = s.n_tokens // streams
    query = _projected(s, x, "q")
    outs = [_stream(s, q, query, cache, per_stream) for _ in range(streams)]
    out, width = outs[0], layer.value_length * layer.head_count
    for count, further in enumerate(outs[1:], start=2):
        out = s.new((width, count * per_stream), out, further)
    return out


def _projected(s: Sketch, x: Tensor, which: str) -> Tensor:
    width = s.width(f"indexer.{which}_proj.weight")
    ne = (width, s.n_tokens)
    projected = s.new(ne, x, reads=f"indexer.{which}_proj.weight")
    normed = s.norm(projected.view(), ne, f"indexer.{which}_norm")
    return s.new(ne, normed, s.inputs["positions"], reuse=True)


def _stream(s: Sketch, q: Tensor, query: Tensor, cache: CacheInputs, tokens: int) -> Tensor:
    layer, size = s.layer, s.shape.index_block
    cells, positions = s.config.n_ctx_seq, -(-_POSITIONS // size) * size
    heads, head = layer.head_count_kv, s.weights["indexer.k_norm.weight"].shape[0]
    blocks, groups = positions // size, heads * tokens
    best = (min(s.shape.index_top_k, blocks), heads, tokens)
    inputs = _inputs(s, cache, blocks, positions)
    s.phase = "the index"
    keys = s.new((head, positions), inputs["slots"].view())
    scores = s.new((positions, groups), keys, query.view())
    visible = scores.view()
    scores = s.within(scores, visible, inputs["visible"].view())
    pooled = s.new((blocks, heads, tokens), scores)
    pooled = s.new((blocks, heads, tokens), pooled, inputs["bias"].view(), reuse=True)
    chosen = s.new(best, pooled, item=I32)
    shut = s.new((blocks, tokens), s.new((blocks, tokens), inputs["bias"].view()), item=F16)
    shut = s.new((blocks, heads, tokens), shut, item=F16)
    opening = s.new(best, s.new(best, chosen), reuse=True)
    open_blocks = s.within(shut, opening.view(), chosen.view(), shut.view())
    turned = s.new((blocks, heads, tokens), open_blocks.view(), item=F16)
    turned = s.new((blocks, heads, tokens), turned.view(), item=F16)
    every = (cells, tokens, heads)
    spread = s.new(every, s.new(every, turned.view(), inputs["cells"].view()).view())
    both = s.within(spread, spread.view(), inputs["mask"].view())
    mask = s.new(every, both.view(), item=F16)
    s.phase = "attention"
    ne = (layer.value_length, layer.head_count, tokens)
    return s.new(ne, s.new(ne, q.view(), mask).view()).view()


def _inputs(s: Sketch, cache: CacheInputs, blocks: int, positions: int) -> dict[str, Tensor]:
    """llm_graph_input_msa; all layers share them, and the mask in f32."""
    tokens, streams, cells = s.n_tokens, s.config.streams, s.config.n_ctx_seq
    sizes = {
        "bias": F32 * blocks * tokens,
        "visible": F32 * positions * tokens,
        "slots": I32 * positions * streams,
        "cells": I32 * cells * streams,
    }
    for role, n_bytes in sizes.items():
        s.inputs.setdefault(f"block_{role}", s.input(n_bytes))
    if "block_mask" not in s.inputs:
        s.inputs["block_mask"] = s.new((cells, tokens), cache.mask)
    return {role: s.inputs[f"block_{role}"] for role in (*sizes, "mask")}
