"""RWKV layers: shifted tokens mixed with the present ones, a matrix of state for every head."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.feedforward import dense
from kvdesk.memory.graph.sketch import F32, Sketch


def is_rwkv(s: Sketch) -> bool:
    """Whether the layer is one, by its tensors."""
    return s.has("time_mix_output.weight")


def layer(s: Sketch, stream: Tensor, *, is_last: bool) -> Tensor:
    """Time mix, then channel mix or an ordinary feed-forward (models/rwkv*.cpp)."""
    s.phase = "recurrence"
    width, tokens = s.shape.n_embd, s.n_tokens
    ne = (width, tokens)
    if s.layer.index == 0 and "token_embd_norm.weight" in s.shape.weight_by_name:
        stream = s.new(ne, stream)
        s.hold(stream)
        for part in ("weight", "bias"):
            stream = s.new(ne, stream, reuse=True, reads=f"token_embd_norm.{part}")
    stream = stream.view()
    shift = s.states(s.layer.conv_values)
    normed = s.norm(stream, ne, "attn_norm")
    previous = s.new(ne, shift.view(), normed.view())
    mixed = _mix7(s, normed, previous) if s.has("time_mix_a1.weight") else _mix6(s, normed, previous)
    residual = s.new(ne, mixed.view(), stream, reuse=True)
    has_channel_mix = s.has("channel_mix_key.weight")
    role = "attn_norm_2" if s.has_norm("attn_norm_2") else "ffn_norm"
    second = s.norm(residual, ne, role)
    ends = (width, s.layer.conv_values // width, s.config.n_seq_max)
    s.store(s.new(ends, normed.view(), second.view()).view() if has_channel_mix else normed.view())
    s.phase = "feed-forward"
    if not has_channel_mix:
        if is_last:
            residual = _chosen(s, residual)
            s.n_tokens = s.n_outputs
            second = s.norm(residual, (width, s.n_tokens), role)
        return s.new((width, s.n_tokens), dense(s, second), residual, reuse=True)
    before = s.new(ne, shift.view(), second.view()).view()
    residual, second = residual.view(), second.view()
    if is_last:
        residual, second, before = (_chosen(s, tensor) for tensor in (residual, second, before))
        s.n_tokens = s.n_outputs
    return s.new((width, s.n_tokens), _channel_mix(s, second, before), residual, reuse=True)


def _chosen(s: Sketch, x: Tensor) -> Tensor:
    return s.rows(x.view(), s.shape.n_embd, s.n_outputs)


def _channel_mix(s: Sketch, x: Tensor, previous: Tensor) -> Tensor:
    ne = (s.shape.n_embd, s.n_tokens)
    delta = s.new(ne, previous, x, reuse=True)
    mixed = s.new(ne, s.new(ne, delta, reuse=True, reads="channel_mix_lerp_k.weight"), x, reuse=True)
    inner = (s.width("channel_mix_key.weight"), s.n_tokens)
    key = s.new(inner, s.new(inner, s.linear(mixed, "channel_mix_key"), reuse=True), reuse=True)
    if not s.has("channel_mix_receptance.weight"):
        return s.linear(key, "channel_mix_value")
    other = s.new(ne, s.new(ne, delta, reuse=True, reads="channel_mix_lerp_r.weight"), x, reuse=True)
    gate = s.new(ne, s.linear(other, "channel_mix_receptance"), reuse=True)
    return s.new(ne, gate, s.linear(key, "channel_mix_value"), reuse=True)


def _mix7(s: Sketch, x: Tensor, previous: Tensor) -> Tensor:
    """build_rwkv7_time_mix: the first layer's values stay until the last layer."""
    width, tokens = s.shape.n_embd, s.n_tokens
    ne, copies = (width, tokens), (width, tokens, 6 if s.has("time_mix_g1.weight") else 5)
    delta = s.new(copies, s.new(ne, previous, x, reuse=True))
    lerps = s.new(copies, delta, reuse=True, reads="time_mix_lerp_fused.weight")
    lerps = s.new(copies, lerps, x, reuse=True)

    def low_rank(first: str, second: str, *, bends: bool = False) -> Tensor:
        inner = s.linear(lerps.view(F32 * width * tokens), first)
        if bends:
            inner = s.new((s.width(f"{first}.weight"), tokens), inner, reuse=True)
        return s.linear(inner, second)

    receptance = s.linear(lerps.view(F32 * width * tokens), "time_mix_receptance")
    decay = low_rank("time_mix_w1", "time_mix_w2", bends=True)
    decay = s.new(ne, decay, reuse=True, reads="time_mix_w0.weight")
    for _ in range(3):
        decay = s.new(ne, decay, reuse=True)
    key = s.linear(lerps.view(F32 * width * tokens), "time_mix_key")
    value = s.linear(lerps.view(F32 * width * tokens), "time_mix_value")
    first_value = s.inputs.setdefault("first_value", value)
    if first_value is not value:
        apart = s.new(ne, first_value, value, reuse=True)
        share = low_rank("time_mix_v1", "time_mix_v2")
        share = s.new(ne, s.new(ne, share, reuse=True, reads="time_mix_v0.weight"), reuse=True)
        value = s.new(ne, value, s.new(ne, apart, share, reuse=True), reuse=True)
    rate = low_rank("time_mix_a1", "time_mix_a2")
    rate = s.new(ne, s.new(ne, rate, reuse=True, reads="time_mix_a0.weight"), reuse=True)
    removed = s.new(ne, s.new(ne, key, reuse=True, reads="time_mix_k_k.weight").view())
    scaled = s.new(ne, key, reuse=True, reads="time_mix_k_a.weight")
    changed = s.new(ne, s.new(ne, rate, scaled, reuse=True), scaled, reuse=True)
    key2 = s.new(ne, key, changed, reuse=True)
    state = s.states(s.layer.recurrent_values)
    y = s.new(
        (width * tokens + s.layer.recurrent_values * s.config.n_seq_max,),
        receptance.view(),
        decay.view(),
        key2.view(),
        value.view(),
        s.new(ne, removed, reuse=True),
        s.new(ne, removed, rate.view(), reuse=True),
        state,
    )
    s.keep_state(y)
    out = y.view()
    if s.has("time_mix_ln.weight"):
        out = s.new(ne, s.new(ne, out).view(), reads="time_mix_ln.weight")
        out = s.new(ne, out, reuse=True, reads="time_mix_ln.bias")
    bonus = s.new(ne, s.new(ne, key2.view(), receptance.view()), reuse=True)
    bonus = s.new(ne, value.view(), s.new((width * width // s.layer.recurrent_values, tokens), bonus))
    out = s.new(ne, out, bonus.view(), reuse=True)
    if s.has("time_mix_g1.weight"):
        out = s.new(ne, out, low_rank("time_mix_g1", "time_mix_g2", bends=True), reuse=True)
    return s.linear(out, "time_mix_output")


def _mix6(s: Sketch, x: Tensor, previous: Tensor) -> Tensor:
    """build_rwkv6_time_mix, and its use in converted Qwen models."""
    width, tokens = s.shape.n_embd, s.n_tokens
    ne, copies = (width, tokens), (width, tokens, 5)
    delta, x = s.new(ne, previous, x, reuse=True).view(), x.view()
    mixed = s.new(ne, s.new(ne, delta, reads="time_mix_lerp_x.weight"), x, reuse=True)
    inner = (s.width("time_mix_w1.weight"), tokens)
    low = s.new(inner, s.new(inner, s.linear(mixed, "time_mix_w1"), reuse=True).view())
    lerps = s.new(copies, low)
    lerps = s.new(copies, lerps, reuse=True, reads="time_mix_lerp_fused.weight")
    for other in (delta, x):
        lerps = s.new(copies, lerps, other, reuse=True)
    lerp_bytes = F32 * width * tokens
    receptance, key, value = (
        s.linear(lerps.view(lerp_bytes), f"time_mix_{role}") for role in ("receptance", "key", "value")
    )
    if s.width("time_mix_key.weight") < width:  # fewer KV heads are repeated for each head
        key, value = s.new(ne, key.view()), s.new(ne, value.view())
    decay_inner = (s.width("time_mix_decay_w1.weight"), tokens)
    decay = s.new(decay_inner, s.linear(lerps.view(F32 * width * tokens), "time_mix_decay_w1"), reuse=True)
    decay = s.new(ne, decay, reads="time_mix_decay_w2.weight")
    decay = s.new(ne, decay, reuse=True, reads="time_mix_decay.weight")
    for _ in range(3):
        decay = s.new(ne, decay, reuse=True)
    key = key.view()
    if not s.has("time_mix_first.weight"):
        key = s.new(ne, key, s.new(ne, key, decay.view()), reuse=True)
    state = s.states(s.layer.recurrent_values)
    values = width * tokens + s.layer.recurrent_values * s.config.n_seq_max
    sources = (key, value.view(), receptance.view(), decay.view(), state)
    y = s.new((values,), *sources, reads="time_mix_first.weight")
    s.keep_state(y)
    out = y.view()
    if s.has("time_mix_ln.weight"):
        out = s.new(ne, s.new(ne, out).view(), reads="time_mix_ln.weight")
        out = s.new(ne, out, reuse=True, reads="time_mix_ln.bias")
    gate = s.new(ne, s.linear(lerps.view(F32 * width * tokens), "time_mix_gate"), reuse=True)
    return s.linear(s.new(ne, out, gate, reuse=True), "time_mix_output")
