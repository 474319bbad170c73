"""What some models carry beside the stream: embeddings for each layer, parallel streams, channel mixes."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import Sketch

_EMBEDDING = "per_layer_token_embd.weight"
_STREAMS = "altup_proj.weight"


def prepare(s: Sketch, stream: Tensor) -> Tensor:
    """Look up the embeddings that every layer will add (gemma3n, gemma4), and open parallel streams."""
    table = s.shape.weight_by_name.get(_EMBEDDING)
    if table is None:
        return stream
    ne = (table.shape[0], s.n_tokens)
    looked_up = s.new(ne, s.input(4 * s.n_tokens))
    s.inputs["per_layer"] = s.expand(s.new(ne, looked_up.view()))
    stream = s.new((s.shape.n_embd, s.n_tokens), stream, reuse=True)
    s.inputs["scaled"] = stream
    if _STREAMS not in s.shape.weight_by_name:
        return stream
    width, tokens = s.shape.n_embd, s.n_tokens
    others = (width, tokens, 3)
    repeated = s.new(others, stream)
    projected = s.new(others, repeated)
    scaled = s.new(others, projected)
    squares = s.new(others, projected)
    s.new((1, tokens, 3), squares)
    joined = s.new(others, scaled, reuse=True)
    return s.new((width, tokens, 4), stream, joined)


def before(s: Sketch, stream: Tensor) -> tuple[Tensor, Tensor]:
    """(all streams, the one that the layer reads): parallel streams are predicted first (altup_predict)."""
    if _STREAMS not in s.shape.weight_by_name:
        return stream, stream
    width, tokens = s.shape.n_embd, s.n_tokens
    turned = s.new((4, width, tokens), stream.view())
    router = s.new((width, tokens), stream.view())
    coefficients = s.new((16, tokens), router)
    product = s.new((width, 4, tokens), turned, coefficients)
    predictions = s.new((width, tokens, 4), product.view())
    predictions = s.new((width, tokens, 4), predictions, stream, reuse=True)
    return predictions, predictions.view()


def after(s: Sketch, out: Tensor, streams: Tensor) -> Tensor:
    """Correct the parallel streams and add the layer's own embedding."""
    if _STREAMS in s.shape.weight_by_name:
        return _corrected(s, out, streams)
    if _EMBEDDING not in s.shape.weight_by_name or not s.has("inp_gate.weight"):
        return out
    width, tokens = s.shape.n_embd, s.n_tokens
    inner = s.width("inp_gate.weight")
    gate = s.new((inner, tokens), out)
    gate = s.new((inner, tokens), gate, reuse=True)
    gate = s.new((inner, tokens), gate, _layer_embedding(s).view(), reuse=True)
    added = s.new((width, tokens), gate)
    added = s.norm(added, (width, tokens), "post_norm")
    return s.new((width, tokens), out, added, reuse=True)


def _corrected(s: Sketch, out: Tensor, predictions: Tensor) -> Tensor:
    width, tokens = s.shape.n_embd, s.n_tokens
    innovation = s.new((width, tokens), out, predictions.view(), reuse=True)
    repeated = s.new((width, tokens, 4), innovation)
    corrected = s.new((width, tokens, 4), repeated, reuse=True)
    corrected = s.new((width, tokens, 4), corrected, predictions, reuse=True)
    inner = s.width("inp_gate.weight")
    first = s.new((width, tokens), corrected.view())
    gate = s.new((inner, tokens), first)
    gate = s.new((inner, tokens), gate, _layer_embedding(s).view(), reuse=True)
    added = s.new((width, tokens), gate)
    added = s.new((width, tokens), added, reuse=True)
    others = s.new((width, tokens, 3), corrected.view(), added)
    return s.new((width, tokens, 4), corrected.view(), others)


def _layer_embedding(s: Sketch) -> Tensor:
    """Made in the first layer that needs it: the projection of the input joins the looked-up table."""
    ready = s.inputs.get("per_layer_ready")
    if ready is None:
        looked_up = s.inputs["per_layer"]
        ne = (s.shape.weight_by_name[_EMBEDDING].shape[0], s.all_tokens)
        projected = s.new(ne, s.inputs["scaled"])
        projected = s.new(ne, projected, reuse=True)
        projected = s.new(ne, projected.view())
        projected = s.new(ne, projected, reuse=True)
        projected = s.new(ne, projected, looked_up, reuse=True)
        ready = s.inputs["per_layer_ready"] = s.new(ne, projected.view())
    return ready


def finish(s: Sketch, stream: Tensor) -> Tensor:
    """Merge parallel streams into one (altup_unembd_proj)."""
    if _STREAMS not in s.shape.weight_by_name:
        return stream
    width, tokens = s.shape.n_embd, s.n_tokens
    others = (width, tokens, 3)
    projected = s.new(others, stream.view())
    scaled = s.new(others, projected)
    squares = s.new(others, projected)
    s.new((1, tokens, 3), squares)
    merged = s.new(others, scaled, reuse=True)
    return s.new((width, tokens), stream.view(), merged.view())


def rwkv_channel_mix(s: Sketch, x: Tensor) -> Tensor:
    """RWKV's feed-forward: the shifted input mixed with the present one (build_rwkv7_channel_mix)."""
    width, tokens = s.shape.n_embd, s.n_tokens
    shifted = s.new((width, tokens), x.view())
    mixed = s.new((width, tokens), shifted, x.view(), reuse=True)
    mixed = s.new((width, tokens), mixed, x.view(), reuse=True)
    inner = s.width("channel_mix_key.weight")
    key = s.new((inner, tokens), mixed)
    key = s.new((inner, tokens), key, reuse=True)
    return s.linear(key, "channel_mix_value")
