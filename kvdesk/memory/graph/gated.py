"""Streams merged through a gate of low rank (Qwen 4), one of the layers with embeddings of n-grams."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.feedforward import feed_forward
from kvdesk.memory.graph.mixer import mixed
from kvdesk.memory.graph.sketch import I32, Sketch

_FIRST = "blk.0.hc_attn_inject.weight"
_NGRAMS = "per_layer_token_embd.weight"


def has_streams(s: Sketch) -> bool:
    """Whether the model carries parallel streams of this kind."""
    return _FIRST in s.shape.weight_by_name


def opened(s: Sketch, stream: Tensor) -> Tensor:
    """The embedding, repeated for every stream; n-grams are looked up beside it."""
    s.expand(stream)
    table = s.shape.weight_by_name.get(_NGRAMS)
    for roles in s.shape.weights_by_layer:
        if table is not None and "ple_key.weight" in roles and "ngrams" not in s.inputs:
            width = roles["ple_key.weight"].shape[0]
            rows = s.input(I32 * s.n_tokens * width // table.shape[0])
            s.inputs["ngrams"] = s.expand(s.new((width, s.n_tokens), rows, reads=_NGRAMS))
    return s.new((s.shape.n_embd, _count(s), s.n_tokens), stream.view())


def layer(s: Sketch, streams: Tensor) -> Tensor:
    """One layer (models/qwen4exp.cpp)."""
    width, count = s.shape.n_embd, _count(s)
    s.phase = "attention"
    if s.has("ple_key.weight"):
        streams = _with_ngrams(s, streams)
    merged, inject = _merged(s, streams, "hc_attn")
    out = mixed(s, s.expand(merged), streams)
    if s.layer.index == s.shape.n_layer - 1:
        rows = s.n_outputs
        out = s.rows(out, width, rows) if out is not None else None
        inject = s.rows(inject, count, rows)
        streams = s.rows(streams.view(), width * count, rows).view()
        s.n_tokens = rows
    if out is not None:
        streams = _spread(s, out, streams, inject)
    s.phase = "feed-forward"
    merged, inject = _merged(s, streams, "hc_ffn")
    out = _spread(s, feed_forward(s, merged), streams, inject)
    s.hold(out)  # l_last
    return out


def closed(s: Sketch, streams: Tensor) -> Tensor:
    """The last merging, step by step, is the output's norm too."""
    width, rows, count = s.shape.n_embd, s.n_outputs, _count(s)
    every, ne = (width * count, rows), (width, rows)
    rank = s.shape.weight_by_name["output_hc_down.weight"].shape[1]
    normed = s.new((width, count, rows), streams, reuse=True)
    low = s.new((rank, rows), normed.view(), reads="output_hc_down.weight")
    gate = s.new(every, low, reads="output_hc_up.weight")
    both = s.new(every, normed.view(), gate, reuse=True)
    total = s.new(ne, both.view())
    for _ in range(count - 1):
        total = s.new(ne, total, both.view(), reuse=True)
    return total


def _count(s: Sketch) -> int:
    return s.shape.weight_by_name[_FIRST].shape[1]


def _merged(s: Sketch, streams: Tensor, stem: str) -> tuple[Tensor, Tensor]:
    """build_hc_mix: the merged stream, and what tells how much of a result joins each stream."""
    width, tokens, count = s.shape.n_embd, s.n_tokens, _count(s)
    normed = s.new((width, count, tokens), streams, reuse=True)
    low = s.linear(normed.view(), f"{stem}_down")
    gate = s.new((width * count, tokens), low, reads=f"{stem}_up.weight")
    merged = s.new((width, tokens), normed.view(), gate.view())
    return merged, s.new((count, tokens), normed.view(), reads=f"{stem}_inject.weight")


def _spread(s: Sketch, out: Tensor, streams: Tensor, inject: Tensor) -> Tensor:
    share = s.new((_count(s), s.n_tokens), inject, reuse=True)
    return s.new((s.shape.n_embd, _count(s), s.n_tokens), out, streams, share)


def _with_ngrams(s: Sketch, streams: Tensor) -> Tensor:
    """build_ple: what the n-grams say, gated, and a convolution of it with the tokens before."""
    width, tokens, count = s.shape.n_embd, s.n_tokens, _count(s)
    every, flat = (width, count, tokens), (width * count, tokens)
    values = s.layer.extra_state_values[0]
    history = s.states(values)
    ngrams = s.inputs["ngrams"]
    value = s.new(every, s.new((width, tokens), ngrams.view(), reads="ple_value.weight").view())
    key = s.new(every, s.new(flat, ngrams.view(), reads="ple_key.weight").view())
    alike = s.new((count, tokens), s.new(every, key, s.new(every, streams.view()), reuse=True))
    sign = s.new((count, tokens), alike)
    gate = s.new((count, tokens), sign, s.new((count, tokens), alike, reuse=True), reuse=True)
    gated = s.new(every, value, gate, reuse=True)
    past = values // (width * count)
    joined = s.new(
        (past * s.config.n_seq_max + tokens, width * count), history.view(), s.new(every, gated.view()).view()
    )
    s.store(s.new((values, s.config.n_seq_max), joined.view()))
    total: Tensor | None = None
    for _ in range(s.weights["ple_conv1d.weight"].shape[0]):
        term = s.new(flat, s.new(flat, joined.view()), s.new((width * count,)).view(), reuse=True)
        total = term if total is None else s.new(flat, total, term, reuse=True)
    convolved = s.new(flat, total)
    return s.new(every, streams, s.new(every, gated, convolved.view(), reuse=True), reuse=True)
