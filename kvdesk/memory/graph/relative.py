"""T5: scores with a bias by distance, and in a decoder a second attention, to the encoder's result."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.attention import attend_to, attention
from kvdesk.memory.graph.feedforward import feed_forward
from kvdesk.memory.graph.sketch import F16, F32, Sketch


def has_bias(s: Sketch) -> bool:
    """Whether the model has a bias by distance."""
    return s.shape.biases_scores


def opened(s: Sketch, stream: Tensor) -> Tensor:
    """What the encoder found, as long as the model was trained for, where a decoder reads it."""
    if any("cross_attn_q.weight" in roles for roles in s.shape.weights_by_layer):
        length = s.shape.n_ctx_train
        item = F16 if s.config.has_kernel else F32
        s.inputs["encoded"] = s.input(F32 * s.shape.n_embd * length)
        s.inputs["encoded_mask"] = s.input(item * s.n_tokens * length, "the mask")
    return stream


def layer(s: Sketch, stream: Tensor) -> Tensor:
    """One layer (models/t5.cpp); every layer makes the bias anew."""
    ne = (s.shape.n_embd, s.n_tokens)
    found = s.linear(attention(s, s.norm(stream, ne, "attn_norm")), "attn_o")
    if "encoded" in s.inputs:
        stream = s.new(ne, found, stream, reuse=True)
        found = _from_encoder(s, s.norm(stream, ne, "cross_attn_norm"))
    if s.layer.index == s.shape.n_layer - 1:
        found, stream = (s.rows(tensor, s.shape.n_embd, s.n_outputs) for tensor in (found, stream))
        s.n_tokens = s.n_outputs
    ne = (s.shape.n_embd, s.n_tokens)
    stream = s.new(ne, found, stream, reuse=True)
    return s.new(ne, feed_forward(s, s.norm(stream, ne, "ffn_norm")), stream, reuse=True)


def closed(_: Sketch, stream: Tensor) -> Tensor:
    """Nothing stands between the layers and the last norm."""
    return stream


def _from_encoder(s: Sketch, x: Tensor) -> Tensor:
    """Q from the decoder, K and V from the encoder's result, kept in no cache."""
    s.phase = "attention"
    encoded, length = s.inputs["encoded"], s.shape.n_ctx_train
    query = s.linear(x, "cross_attn_q")
    key, value = (s.linear(encoded, f"cross_attn_{role}", length) for role in "kv")
    heads = attend_to(s, query, (key, value), s.inputs["encoded_mask"], length)
    return s.linear(heads, "cross_attn_o")
