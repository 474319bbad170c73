"""An index that scores the means of neighbouring tokens' keys (Qwen 4), and from them every token."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F32, I32, I64, Sketch


def scores_means(s: Sketch) -> bool:
    """Whether the layer has such an index."""
    return s.shape.index_mean > 0 and s.has("indexer.k_proj.weight")


def store_key(s: Sketch, x: Tensor) -> None:
    """The key as it is; norm and position follow when it is read."""
    if "mean_rows" not in s.inputs:
        s.inputs["mean_rows"] = s.input(I64 * s.n_tokens)
    key = s.linear(x, "indexer.k_proj")
    s.store(key.view(), s.inputs["mean_rows"])


def chosen(s: Sketch, x: Tensor, mask: Tensor, best: tuple[int, int]) -> Tensor:
    """The best tokens (build_qsa_top_k)."""
    tokens, cells, streams = s.n_tokens, s.config.n_ctx_seq, s.config.streams
    size = s.shape.index_mean
    blocks, head = -(-cells // size), s.width("indexer.k_proj.weight")
    sizes = {
        "cells": I32 * size * blocks * streams,
        "positions": I32 * 4 * blocks * streams,
        "bias": F32 * blocks * tokens,
        "of_cell": I32 * cells * streams,
    }
    inputs = {role: s.inputs.setdefault(f"mean_{role}", s.input(n)) for role, n in sizes.items()}
    ne = (head, blocks * streams)
    members = s.new((head, size * blocks * streams), inputs["cells"])
    pooled = s.new(ne, members.view())
    for _ in range(size - 1):
        pooled = s.new(ne, pooled, s.new(ne, members.view()), reuse=True)
    pooled = s.new(ne, s.new(ne, pooled.view()).view(), inputs["positions"])
    wide = (s.width("indexer.q_proj.weight"), tokens)
    query = s.new(wide, s.linear(x, "indexer.q_proj").view())
    query = s.new(wide, query, s.inputs["positions"], reuse=True)
    heads = wide[0] // head
    scores = s.new((blocks, heads, tokens), pooled.view(), query.view())
    scores = s.new((blocks, heads, tokens), scores.view())
    total = s.new((blocks, tokens), scores.view())
    for _ in range(heads - 1):
        total = s.new((blocks, tokens), total, scores.view(), reuse=True)
    total = s.new((blocks, tokens), total, inputs["bias"], reuse=True)
    every = (cells, tokens)
    spread = s.new(every, s.new((blocks, tokens), total.view()), inputs["of_cell"])
    spread = s.new(every, spread.view())
    seen = s.new(every, mask) if s.config.has_kernel else mask
    spread = s.new(every, spread, seen.view(), reuse=True)
    return s.new(best, s.new(best, spread, item=I32), item=I32)
