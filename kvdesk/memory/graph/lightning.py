"""MiniMax-01's lightning attention: within the batch by its square, beyond it through a state."""

from collections.abc import Mapping
from math import prod

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F32, Sketch
from kvdesk.memory.shape import Weight


def is_lightning(roles: Mapping[str, Weight]) -> bool:
    """Whether a layer is one, by its tensors."""
    return "attn_norm_2.weight" in roles and "attn_gate.weight" in roles and "attn_qkv.weight" in roles


def reserve(s: Sketch) -> None:
    """llm_graph_input_la: slopes of the heads, and how far each token has decayed."""
    heads, tokens = s.shape.layers[0].head_count, s.n_tokens
    per_sequence = tokens // s.config.n_seq_max
    sizes = {
        "slopes": (heads,),
        "q_decay": (heads, tokens),
        "k_decay": (heads, tokens),
        "diag_decay": (per_sequence, tokens, heads),
    }
    for role, ne in sizes.items():
        s.inputs[role] = s.input(F32 * prod(ne), "decay within the batch", ne)


def lightning_attention(s: Sketch, x: Tensor) -> Tensor:
    """One layer, from the normed input to its output projection (models/minimax-01.cpp)."""
    tokens, heads = s.n_tokens, s.layer.head_count
    inner = s.layer.key_length * heads
    ne, square = (inner, tokens), (tokens // s.config.n_seq_max, tokens, heads)
    s.states(s.layer.conv_values)
    slope = s.new((heads,), s.inputs["slopes"], reuse=True)
    wide = (3 * inner, tokens)
    common = s.new(wide, s.new(wide, x.view(), reads="attn_qkv.weight"), reuse=True)
    state = s.states(s.layer.recurrent_values)

    def decay(role: str, size: tuple[int, ...]) -> Tensor:
        return s.new(size, s.new(size, s.inputs[role], reuse=True), reuse=True)

    k_decay = decay("k_decay", (heads, tokens))
    earlier = s.new(ne, common.view(), decay("q_decay", (heads, tokens)))
    earlier = s.new(ne, state.view(), earlier.view())
    values = s.new(ne, common.view())
    scores = s.new(square, common.view(), common.view())
    scores = s.new(square, scores, decay("diag_decay", square), reuse=True)
    out = s.expand(s.new(ne, earlier, s.new(ne, values, scores), reuse=True))
    fade = s.new((heads,), s.new((heads,), slope, reuse=True), reuse=True)
    matrix = (s.layer.recurrent_values, s.config.n_seq_max)
    kept = s.new(matrix, state.view(), fade.view())
    keys = s.new(ne, s.new(ne, common.view(), k_decay).view())
    s.store(s.new(matrix, kept, s.new(matrix, keys, values), reuse=True))
    mixed = s.norm(s.new(ne, out.view()).view(), ne, "attn_norm_2")
    gate = s.new(ne, s.linear(x.view(), "attn_gate"), reuse=True)
    return s.linear(s.new(ne, gate, mixed, reuse=True), "attn_output").view()
