"""Hyper connections: parallel streams, merged into one before each half of a layer and spread after it."""

from kvdesk.memory.graph import compressed
from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.feedforward import feed_forward
from kvdesk.memory.graph.mixer import mixed
from kvdesk.memory.graph.sketch import Sketch

_FIRST = "blk.0.hc_attn_fn.weight"
_HEAD = "output_hc_fn.weight"


def has_streams(s: Sketch) -> bool:
    """Whether the model carries parallel streams of this kind."""
    return _FIRST in s.shape.weight_by_name


def opened(s: Sketch, stream: Tensor) -> Tensor:
    """The embedding, repeated for every stream."""
    return s.new((s.shape.n_embd, _count(s), s.n_tokens), stream.view())


def layer(s: Sketch, streams: Tensor) -> Tensor:
    """One layer (models/deepseek4.cpp, glm5-next.cpp, hy-v4.cpp)."""
    ne = (s.shape.n_embd, s.n_tokens)
    s.phase = "attention"
    merged, mixes = _merged(s, streams, "hc_attn")
    out = mixed(s, s.norm(merged, ne, "attn_norm"), streams)
    if out is not None:
        streams = _spread(s, out, streams, mixes, "hc_attn")
    s.phase = "feed-forward"
    merged, mixes = _merged(s, streams, "hc_ffn")
    out = feed_forward(s, s.norm(merged, ne, "ffn_norm"))
    s.phase = "feed-forward"
    out = _spread(s, out, streams, mixes, "hc_ffn")
    if compressed.has_compressed(s.shape):  # named l_last there
        s.hold(out)
    return out


def closed(s: Sketch, streams: Tensor) -> Tensor:
    """The tokens whose logits are wanted, then their streams merged by weights or their mean."""
    width, rows, count = s.shape.n_embd, s.n_outputs, _count(s)
    streams = s.new((width * count, rows), streams.view(), s.inputs["out_ids"])
    if _HEAD not in s.shape.weight_by_name:
        total = s.new((width, rows), streams.view(), streams.view())
        for _ in range(count - 2):
            total = s.new((width, rows), total, streams.view(), reuse=True)
        return total
    kept = streams if _is_fused(s) else s.new((width, count, rows), streams.view())
    mixes = s.new((count, rows), s.new((width * count, rows), streams.view()), reads=_HEAD)
    merged = _weighted(s, kept, mixes, rows)
    return merged if _is_fused(s) else s.new((width, rows), merged)


def _count(s: Sketch) -> int:
    return s.shape.weight_by_name[_FIRST].shape[0] // s.shape.n_embd


def _is_fused(s: Sketch) -> bool:
    """Whether streams are mixed among themselves too, by operations of their own (ggml_dsv4_hc_*)."""
    return s.shape.weight_by_name[_FIRST].shape[1] > 2 * _count(s)


def _merged(s: Sketch, streams: Tensor, stem: str) -> tuple[Tensor, Tensor]:
    """build_hc_pre: the weighted sum, and the mixes of which the spreading takes its weights too."""
    width, tokens, count = s.shape.n_embd, s.n_tokens, _count(s)
    mixes = s.linear(s.new((width * count, tokens), streams.view()), f"{stem}_fn")
    share = s.new((count, tokens), mixes.view())
    if _is_fused(s):
        return s.new((width, tokens), streams, share), mixes
    kept = s.new((width, count, tokens), streams)
    return s.new((width, tokens), _weighted(s, kept, share, tokens)), mixes


def _weighted(s: Sketch, streams: Tensor, share: Tensor, rows: int) -> Tensor:
    ne = (s.shape.n_embd, rows)
    total = s.new(ne, streams.view(), share.view())
    for _ in range(_count(s) - 1):
        total = s.new(ne, total, s.new(ne, streams.view(), share.view()), reuse=True)
    return total


def _spread(s: Sketch, x: Tensor, streams: Tensor, mixes: Tensor, stem: str) -> Tensor:
    """build_hc_post: the result joins every stream."""
    width, tokens, count = s.shape.n_embd, s.n_tokens, _count(s)
    ne, every = (width, tokens), (width, count, tokens)
    share = s.new((count, tokens), mixes.view())
    if _is_fused(s):
        shares = s.new((count * count, tokens), mixes, reads=f"{stem}_scale.weight")
        if "streams" not in s.config.given_up:
            return s.fuse("streams", s.new(every, x, streams, share, shares))
        return _spread_in_steps(s, x, streams, share, shares)
    kept, x, share = s.new(every, streams), s.new(ne, x), s.new((count, tokens), share)
    out: Tensor | None = None
    for number in range(1, count + 1):
        one = s.new(ne, kept.view(), s.new(ne, x, share.view(), reuse=True), reuse=True)
        out = one.view() if out is None else s.new((width, number, tokens), out, one.view())
    return s.new(every, out)


def _spread_in_steps(s: Sketch, x: Tensor, streams: Tensor, share: Tensor, shares: Tensor) -> Tensor:
    """The same without an operation of its own: each stream is the result and a sum of all streams."""
    ne, count = (s.shape.n_embd, s.n_tokens), _count(s)
    out: Tensor | None = None
    for number in range(1, count + 1):
        one = s.new(ne, x, share.view(), reuse=True)
        for _ in range(count):
            one = s.new(ne, one, s.new(ne, streams.view(), shares.view()), reuse=True)
        joined = (s.shape.n_embd, number, s.n_tokens)
        out = one.view() if out is None else s.new(joined, out, one.view())
    assert out is not None
    return out
