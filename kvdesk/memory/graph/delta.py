"""Delta nets: a matrix of state that each token corrects; gated (Qwen) or with a decay a channel (Kimi)."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import Sketch


def delta_net(s: Sketch, x: Tensor) -> Tensor:
    """Gated delta nets (qwen3next, qwen35), fused (build_delta_net_fused)."""
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    s.expand(x)
    inner, heads = s.weights["ssm_out.weight"].shape[0], s.weights["ssm_norm.weight"].shape[0]
    width = s.width("attn_qkv.weight") or s.width("ssm_in.weight") - inner
    key_width, value_heads = (width - inner) // 2, inner // heads
    history = s.states(s.layer.conv_values)
    fresh, gate = _fresh_and_gate(s, x, key_width, inner)
    joined = convolution(s, history, fresh, width)
    state = s.states(s.layer.recurrent_values)
    mixed = s.new((width, tokens), joined, reads="ssm_conv1d.weight")
    mixed = s.new((width, tokens), mixed, reuse=True)
    queries_keys = []
    for _ in range(2):
        part = s.new((key_width, tokens), s.new((key_width, tokens), mixed.view()), reuse=True)
        if s.has("ssm_ba.weight"):  # repeated for each value head
            part = s.new((inner, tokens), part.view()).view()
        queries_keys.append(part)
    decay, rate = _decay_and_rate(s, x, (value_heads, tokens))
    values = inner * (tokens + heads * sequences)
    y = s.new((values,), *queries_keys, mixed.view(), decay, rate, state.view())
    s.keep_state(y)
    ne = (heads, value_heads, tokens)
    out = s.norm(y.view(), ne, "ssm_norm")
    gate = s.new(ne, gate.view())
    return s.linear(s.new(ne, out, gate, reuse=True).view(), "ssm_out").view()


def _fresh_and_gate(s: Sketch, x: Tensor, key_width: int, inner: int) -> tuple[Tensor, Tensor]:
    """Q, K and V side by side, and the gate; in the first files of qwen3next one matrix held all by heads."""
    if s.has("attn_qkv.weight"):
        return s.linear(x, "attn_qkv"), s.linear(x, "attn_gate")
    common = s.linear(x, "ssm_in")
    query, key, value, gate = (
        s.new((size, s.n_tokens), common.view()) for size in (key_width, key_width, inner, inner)
    )
    both = s.new((2 * key_width, s.n_tokens), query, key)
    return s.new((2 * key_width + inner, s.n_tokens), both, value), gate


def delta_attention(s: Sketch, x: Tensor) -> Tensor:
    """Kimi's delta attention (kimi-linear, kimi-k3, bailingmoe3): Q, K and V each through a convolution."""
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    if s.has("ssm_f_b.weight"):  # bailingmoe3 asks for its state first
        s.expand(x)
    inner = s.weights["ssm_conv1d_q.weight"].shape[-1]
    ne = (inner, tokens)
    history = s.states(s.layer.conv_values)
    common = s.linear(x, "attn_qkv") if s.has("attn_qkv.weight") else None
    joined = []
    for role in "qkv":
        fresh = s.new(ne, x, reads=f"attn_{role}.weight") if common is None else s.new(ne, common.view())
        joined.append(convolution(s, history, fresh, inner, f"ssm_conv1d_{role}.weight"))
    decay = s.new(ne, _low_rank(s, x, "ssm_f"), reuse=True, reads="ssm_dt.bias")
    decay = s.new(ne, decay.view(), reads="ssm_a")
    rate = s.new((s.width("ssm_beta.weight"), tokens), x, reads="ssm_beta.weight")
    rate = s.new((s.width("ssm_beta.weight"), tokens), rate.view())
    state = s.states(s.layer.recurrent_values)
    query, key, value = (
        s.new(ne, s.new(ne, part, reads=f"ssm_conv1d_{role}.weight").view())
        for role, part in zip("qkv", joined, strict=True)
    )
    query, key = (s.new(ne, part.view()) for part in (query, key))
    values = inner * tokens + s.layer.recurrent_values * sequences
    y = s.new((values,), query, key, value.view(), decay.view(), rate, state.view())
    s.keep_state(y)
    out = s.new(ne, s.new(ne, y.view()).view())
    gate = s.new(ne, _low_rank(s, x.view(), "ssm_g").view())
    gated = s.new(ne, s.new(ne, out, gate, reuse=True))
    return s.linear(gated, "attn_output")


def convolution(
    s: Sketch, history: Tensor | None, fresh: Tensor, width: int, role: str = "ssm_conv1d.weight"
) -> Tensor:
    """History and new tokens side by side, then the convolution; the tail goes back to the cache."""
    kernel = s.weights[role].shape[0]
    ne = (s.n_tokens + (kernel - 1) * s.config.n_seq_max, width)
    joined = s.new(ne, history.view() if history is not None else None, fresh.view())
    s.store(joined.view())
    return joined


def _low_rank(s: Sketch, x: Tensor, stem: str) -> Tensor:
    """One matrix, or a product of two thin ones."""
    for role in (f"{stem}.weight", f"{stem}_a.weight", f"{stem}_b.weight"):
        if s.has(role):
            x = s.new((s.width(role), s.n_tokens), x, reads=role)
    return x


def _decay_and_rate(s: Sketch, x: Tensor, ne: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    if s.has("ssm_ba.weight"):
        both = s.linear(x, "ssm_ba")
        decay, rate = s.new(ne, both.view()), s.new(ne, both.view())
        return s.new(ne, decay, reuse=True).view(), s.new(ne, rate, reuse=True).view()
    decay = s.new(ne, s.linear(x, "ssm_alpha").view(), reads="ssm_dt.bias")
    return s.new(ne, decay, reuse=True, reads="ssm_a").view(), s.new(ne, s.linear(x, "ssm_beta").view())
