"""Gemma 3n's layers: four parallel streams, predicted before each layer and corrected after it (AltUp)."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.attention import attention
from kvdesk.memory.graph.per_layer import layer_embedding
from kvdesk.memory.graph.sketch import F32, Sketch

STREAMS = 4
SPARSE_LAYERS = 10


def has_streams(s: Sketch) -> bool:
    """Whether the model carries parallel streams."""
    return "altup_proj.weight" in s.shape.weight_by_name


def opened(s: Sketch, stream: Tensor) -> Tensor:
    """Make the streams from the embedding (altup_proj), with its magnitude."""
    ne, others = (s.shape.n_embd, s.n_tokens), (s.shape.n_embd, s.n_tokens, STREAMS - 1)
    projected = s.new(others, s.new(others, stream), reads="altup_proj.weight")
    return s.new((*ne, STREAMS), stream, _with_magnitude_of(s, projected, stream))


def layer(s: Sketch, streams: Tensor) -> Tensor:
    """One layer (models/gemma3n.cpp)."""
    s.phase = "attention"
    width, tokens = s.shape.n_embd, s.n_tokens
    ne, every = (width, tokens), (width, tokens, STREAMS)
    predictions = _predicted(s, streams)
    active = predictions.view(F32 * width * tokens)
    normed = s.norm(active, ne, "attn_norm")
    attended = s.norm(attention(s, normed), ne, "post_attention_norm")
    gated = s.new(ne, attended, active, reuse=True)
    laurel = s.norm(s.linear(s.linear(normed, "laurel_l"), "laurel_r"), ne, "laurel_post_norm")
    laurel = s.new(ne, laurel, normed, reuse=True)
    both = s.new(ne, s.new(ne, gated, laurel, reuse=True), reuse=True)
    out = s.norm(_fed_forward(s, s.norm(both, ne, "ffn_norm")), ne, "post_ffw_norm")
    out = s.new(ne, out, both, reuse=True)
    innovation = s.new(ne, out, active, reuse=True)
    corrected = s.new(every, s.new(every, innovation), _coefficients(s, out, STREAMS), reuse=True)
    corrected = s.new(every, corrected, predictions, reuse=True)
    return _with_layer_embedding(s, corrected)


def _fed_forward(s: Sketch, x: Tensor) -> Tensor:
    """The gate is activated in steps; sparse layers first cut off what lies below a threshold."""
    up, gate = s.linear(x, "ffn_up"), s.linear(x, "ffn_gate")
    ne, one = (s.width("ffn_up.weight"), s.n_tokens), (1, s.n_tokens)
    if s.layer.index < SPARSE_LAYERS:
        mean = s.new(one, gate)
        deviation = s.new(one, s.new(ne, s.new(ne, gate, mean, reuse=True), reuse=True))
        cut = s.new(one, mean, s.new(one, deviation, reuse=True), reuse=True)
        gate = s.new(ne, s.new(ne, gate, cut, reuse=True), reuse=True)
    gate = s.new(ne, gate, reuse=True)
    return s.linear(s.new(ne, up, gate, reuse=True), "ffn_down")


def closed(s: Sketch, streams: Tensor) -> Tensor:
    """Merge the streams into one (altup_unembd_proj)."""
    ne, others = (s.shape.n_embd, s.n_tokens), (s.shape.n_embd, s.n_tokens, STREAMS - 1)
    projected = s.new(others, streams.view(), reads="altup_unembd_proj.weight")
    merged = _with_magnitude_of(s, projected, streams.view())
    out = s.new(ne, streams.view(), merged.view())
    for _ in range(STREAMS - 2):
        out = s.new(ne, out, merged.view(), reuse=True)
    return s.new(ne, out, reuse=True)


def _with_magnitude_of(s: Sketch, projected: Tensor, model: Tensor) -> Tensor:
    ne, others = (s.shape.n_embd, s.n_tokens), (s.shape.n_embd, s.n_tokens, STREAMS - 1)
    target = s.new((1, s.n_tokens), s.new(ne, model, reuse=True))
    target = s.new((1, s.n_tokens), target, reuse=True)
    scaled = s.new(others, projected, target, reuse=True)
    present = s.new((1, s.n_tokens, STREAMS - 1), s.new(others, projected, reuse=True))
    present = s.new((1, s.n_tokens, STREAMS - 1), present, reuse=True)
    return s.new(others, scaled, present, reuse=True)


def _predicted(s: Sketch, streams: Tensor) -> Tensor:
    width, tokens = s.shape.n_embd, s.n_tokens
    turned = s.new((STREAMS, width, tokens), streams.view())
    coefficients = _coefficients(s, streams.view(), STREAMS**2)
    product = s.new((width, STREAMS, tokens), turned, coefficients.view())
    back = s.new((width, tokens, STREAMS), product.view())
    return s.new((width, tokens, STREAMS), back, streams, reuse=True)


def _coefficients(s: Sketch, x: Tensor, count: int) -> Tensor:
    """altup_compute_router_modalities and the matrix after it."""
    ne = (s.shape.n_embd, s.n_tokens)
    router = s.new(ne, s.norm(x, ne, "altup_router_norm"), reuse=True)
    modalities = s.linear(router, "altup_router")
    role = f"altup_{'predict' if count > STREAMS else 'correct'}_coef.weight"
    return s.new((count, s.n_tokens), s.new((STREAMS, s.n_tokens), modalities, reuse=True), reads=role)


def _with_layer_embedding(s: Sketch, corrected: Tensor) -> Tensor:
    width, tokens = s.shape.n_embd, s.n_tokens
    inner = (s.width("inp_gate.weight"), tokens)
    one, ne = F32 * width * tokens, (width, tokens, STREAMS - 1)
    first = s.new((width, tokens), corrected.view(one), reads="altup_correct_scale.weight")
    gate = s.new(inner, s.linear(first, "inp_gate"), reuse=True)
    gate = s.new(inner, gate, layer_embedding(s), reuse=True)
    added = s.norm(s.linear(gate, "proj"), (width, tokens), "post_norm")
    others = s.new(ne, corrected.view((STREAMS - 1) * one, ne), added, reuse=True)
    return s.new((width, tokens, STREAMS), corrected.view(one), others)
