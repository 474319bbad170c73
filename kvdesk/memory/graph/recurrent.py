"""Layers that carry a state from token to token: Mamba, gated delta nets, short convolutions."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import Sketch


def recurrent(s: Sketch, x: Tensor) -> Tensor:
    """From the normed input to the layer's output, by the tensors the layer has."""
    s.phase = "recurrence"
    if s.has("shortconv.in_proj.weight"):
        return _short_convolution(s, x)
    if s.has("ssm_in.weight"):
        return _mamba(s, x) if s.has("ssm_x.weight") else _mamba2(s, x)
    if s.has("attn_qkv.weight") and s.has("ssm_norm.weight"):
        return _delta_net(s, x)
    if s.has("attn_qkv.weight"):
        return _linear_attention(s, x)
    return _delta_attention(s, x)


def _convolution(s: Sketch, history: Tensor | None, fresh: Tensor, width: int) -> Tensor:
    """History and new tokens side by side, then the convolution; the tail goes back to the cache."""
    kernel = s.weights[next(role for role in s.weights if "conv" in role and role.endswith("weight"))].shape[
        0
    ]
    sequences = s.config.n_seq_max
    ne = (s.n_tokens + (kernel - 1) * sequences, width)
    joined = s.new(ne, history.view() if history is not None else None, fresh.view())
    s.store(joined.view())
    return joined


def _short_convolution(s: Sketch, x: Tensor) -> Tensor:
    width, tokens = s.shape.n_embd, s.n_tokens
    history = s.states(s.layer.conv_values)
    both = s.linear(x.view(), "shortconv.in_proj")
    gated = s.new((width, tokens), both.view(), both.view())
    joined = _convolution(s, history, gated, width)
    mixed = s.new((width, tokens), joined)
    mixed = s.new((width, tokens), both.view(), mixed, reuse=True)
    return s.linear(mixed, "shortconv.out_proj").view()


def _mamba2(s: Sketch, x: Tensor) -> Tensor:
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    inner = s.weights["ssm_out.weight"].shape[0]
    conv_width = s.weights["ssm_conv1d.weight"].shape[1]
    heads = s.weights["ssm_dt.bias"].shape[0] if s.has("ssm_dt.bias") else 1
    history = s.states(s.layer.conv_values)
    projected = s.linear(x, "ssm_in")
    joined = _convolution(s, history, projected, conv_width)
    mixed = s.new((conv_width, tokens), joined)
    if s.has("ssm_conv1d.bias"):
        mixed = s.new((conv_width, tokens), mixed, reuse=True)
    mixed = s.new((conv_width, tokens), mixed, reuse=True)
    step = s.new((heads, tokens), projected.view())
    step = s.new((heads, tokens), step, reuse=True)
    views = [mixed.view() for _ in range(3)]
    y = s.expand(s.new((inner * tokens + s.layer.recurrent_values * sequences,), *views, step))
    s.move_states()
    s.store(y.view())
    gate = s.new((inner, tokens), projected.view())
    skip = s.new((inner, tokens), mixed.view())
    skip = s.new((inner, tokens), y.view(), skip, reuse=True)
    out = s.new((inner, tokens), gate, skip)
    if s.has("ssm_norm.weight"):
        out = s.norm(out.view(), (inner, tokens), "ssm_norm")
    return s.linear(out.view(), "ssm_out")


def _mamba(s: Sketch, x: Tensor) -> Tensor:
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    inner = s.weights["ssm_out.weight"].shape[0]
    history = s.states(s.layer.conv_values)
    projected = s.linear(x, "ssm_in")
    joined = _convolution(s, history, projected, inner)
    mixed = s.new((inner, tokens), joined)
    mixed = s.new((inner, tokens), mixed, reuse=True)
    mixed = s.new((inner, tokens), mixed, reuse=True)
    parts = s.linear(mixed, "ssm_x")
    step = s.linear(parts.view(), "ssm_dt")
    y = s.expand(s.new((inner * tokens + s.layer.recurrent_values * sequences,), mixed, step, parts.view()))
    s.move_states()
    s.store(y.view())
    skip = s.new((inner, tokens), mixed)
    out = s.new((inner, tokens), y.view(), skip, reuse=True)
    gate = s.new((inner, tokens), projected.view())
    return s.linear(s.new((inner, tokens), gate, out), "ssm_out")


def _delta_net(s: Sketch, x: Tensor) -> Tensor:
    """Gated delta nets (qwen3next, qwen35), fused (build_delta_net_fused)."""
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    s.expand(x)
    inner, heads = s.weights["ssm_out.weight"].shape[0], s.weights["ssm_norm.weight"].shape[0]
    width = s.width("attn_qkv.weight")
    key_width, value_heads = (width - inner) // 2, inner // heads
    history = s.states(s.layer.conv_values)
    joined = _convolution(s, history, s.linear(x, "attn_qkv"), width)
    state = s.states(s.layer.recurrent_values)
    mixed = s.new((width, tokens), s.new((width, tokens), joined), reuse=True)
    queries_keys = []
    for _ in range(2):
        part = s.new((key_width, tokens), s.new((key_width, tokens), mixed.view()), reuse=True)
        if s.has("ssm_ba.weight"):  # repeated for each value head
            part = s.new((inner, tokens), part.view()).view()
        queries_keys.append(part)
    decay, rate = _decay_and_rate(s, x, (value_heads, tokens))
    y = s.new((inner * (tokens + heads * sequences),), *queries_keys, mixed.view(), decay, rate, state.view())
    s.store(y.view())
    ne = (heads, value_heads, tokens)
    out = s.new(ne, s.new(ne, y.view()), reuse=True)
    gate = s.new(ne, s.linear(x, "attn_gate").view())
    return s.linear(s.new(ne, out, gate, reuse=True).view(), "ssm_out").view()


def _delta_attention(s: Sketch, x: Tensor) -> Tensor:
    """Kimi's delta attention: Q, K and V each through a convolution, decay for every channel."""
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    inner = s.width("attn_q.weight") or s.shape.n_embd
    ne = (inner, tokens)
    history = s.states(s.layer.conv_values)
    parts = []
    for role in ("attn_q", "attn_k", "attn_v"):
        fresh = s.linear(x, role) if s.has(f"{role}.weight") else s.new(ne, x)
        joined = s.new((inner, tokens + 3 * sequences), history.view(), fresh.view())
        s.store(joined.view())
        parts.append(s.new(ne, s.new(ne, joined), reuse=True))
    state = s.states(s.layer.recurrent_values)
    decay = s.new(ne, s.new(ne, x), reuse=True)
    queries_keys = [s.new(ne, s.new(ne, part.view()), reuse=True) for part in parts[:2]]
    rate = s.new((s.layer.head_count, tokens), x)
    values = inner * tokens + s.layer.recurrent_values * sequences
    y = s.new((values,), *queries_keys, parts[2], decay, rate, state.view())
    s.store(y.view())
    gate = s.new(ne, x)
    out = s.new(ne, s.new(ne, y.view()), reuse=True)
    out = s.new(ne, out, s.new(ne, gate, reuse=True), reuse=True)
    return s.linear(out.view(), "attn_output") if s.has("attn_output.weight") else out


def _linear_attention(s: Sketch, x: Tensor) -> Tensor:
    """MiniMax-01's lightning attention: the square of the batch within itself, a state beyond it."""
    tokens, heads = s.n_tokens, s.layer.head_count
    inner = s.layer.key_length * heads
    ne, square = (inner, tokens), (tokens, tokens, heads)
    state = s.states(s.layer.recurrent_values)
    common = s.new((3 * inner, tokens), s.linear(x.view(), "attn_qkv"), reuse=True)
    earlier = s.new(ne, state.view(), s.new(ne, common.view()).view())
    values = s.new(ne, common.view())
    product = s.new(square, common.view(), common.view())
    decay = s.new(square, s.input(4 * tokens * tokens * heads))
    product = s.new(square, product, s.new(square, decay, reuse=True), reuse=True)
    out = s.new(ne, earlier, s.new(ne, values, product), reuse=True)
    kept = s.new(ne, s.new(ne, common.view()).view())
    s.store(s.new((s.layer.recurrent_values,), kept, values))
    gate = s.new(ne, s.linear(x.view(), "attn_gate"), reuse=True)
    mixed = s.new(ne, s.new(ne, out.view()).view())
    return s.linear(s.new(ne, gate, mixed, reuse=True), "attn_output").view()


def _decay_and_rate(s: Sketch, x: Tensor, ne: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    if s.has("ssm_ba.weight"):
        both = s.linear(x, "ssm_ba")
        decay, rate = s.new(ne, both.view()), s.new(ne, both.view())
        return s.new(ne, decay, reuse=True).view(), s.new(ne, rate, reuse=True).view()
    decay = s.new(ne, s.linear(x, "ssm_alpha").view())
    return s.new(ne, decay, reuse=True).view(), s.new(ne, s.linear(x, "ssm_beta").view())
