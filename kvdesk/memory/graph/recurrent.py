"""Layers that carry a state from token to token, by the tensors they have: Mamba and others."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.delta import convolution, delta_attention, delta_net
from kvdesk.memory.graph.lightning import lightning_attention
from kvdesk.memory.graph.sketch import Sketch


def recurrent(s: Sketch, x: Tensor) -> Tensor:
    """From the normed input to the layer's output, by the tensors the layer has."""
    s.phase = "recurrence"
    if s.has("shortconv.in_proj.weight"):
        return _short_convolution(s, x)
    if s.has("ssm_in.weight") and not s.has("ssm_ba.weight"):
        if not s.has("ssm_x.weight"):
            return _mamba2(s, x)
        return _mamba_of_plamo(s, x) if s.has_norm("post_attention_norm") else _mamba(s, x)
    if s.has("ssm_conv1d_q.weight"):
        return delta_attention(s, x)
    return delta_net(s, x) if s.has("ssm_norm.weight") else lightning_attention(s, x)


def _short_convolution(s: Sketch, x: Tensor) -> Tensor:
    width, tokens = s.shape.n_embd, s.n_tokens
    history = s.states(s.layer.conv_values)
    both = s.linear(x.view(), "shortconv.in_proj")
    gated = s.new((width, tokens), both.view(), both.view())
    joined = convolution(s, history, gated, width, "shortconv.conv.weight")
    mixed = s.new((width, tokens), joined, reads="shortconv.conv.weight")
    mixed = s.new((width, tokens), both.view(), mixed, reuse=True)
    return s.linear(mixed, "shortconv.out_proj").view()


def _mamba2(s: Sketch, x: Tensor) -> Tensor:
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    inner = s.weights["ssm_out.weight"].shape[0]
    conv_width = s.weights["ssm_conv1d.weight"].shape[1]
    heads = s.weights["ssm_dt.bias"].shape[0] if s.has("ssm_dt.bias") else 1
    history = s.states(s.layer.conv_values)
    projected = s.linear(x, "ssm_in")
    joined = convolution(s, history, projected, conv_width)
    mixed = s.new((conv_width, tokens), joined, reads="ssm_conv1d.weight")
    if s.has("ssm_conv1d.bias"):
        mixed = s.new((conv_width, tokens), mixed, reuse=True, reads="ssm_conv1d.bias")
    mixed = s.new((conv_width, tokens), mixed, reuse=True)
    step = s.new((heads, tokens), s.columns(projected, heads))
    step = s.new((heads, tokens), step, reuse=True, reads="ssm_dt.bias")
    views = [mixed.view() for _ in range(3)]
    values = inner * tokens + s.layer.recurrent_values * sequences
    y = _scanned(s, values, *views, step)
    gate = s.new((inner, tokens), s.columns(projected, inner))
    skip = s.new((inner, tokens), mixed.view(), reads="ssm_d")
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
    joined = convolution(s, history, projected, inner)
    mixed = s.new((inner, tokens), joined, reads="ssm_conv1d.weight")
    mixed = s.new((inner, tokens), mixed, reuse=True, reads="ssm_conv1d.bias")
    mixed = s.new((inner, tokens), mixed, reuse=True)
    parts = s.linear(mixed, "ssm_x")
    values = inner * tokens + s.layer.recurrent_values * sequences
    if s.has_norm("ssm_dt_norm"):
        step = s.linear(_selector(s, parts, "ssm_dt_norm"), "ssm_dt")
        chosen = [_selector(s, parts, role) for role in ("ssm_b_norm", "ssm_c_norm")]
    else:
        step = s.linear(s.new((s.weights["ssm_dt.weight"].shape[0], tokens), parts.view()), "ssm_dt")
        chosen = [parts.view()]
    y = _scanned(s, values, mixed.view(), step, *chosen)
    skip = s.new((inner, tokens), mixed, reuse=True, reads="ssm_d")
    out = s.new((inner, tokens), y.view(), skip, reuse=True)
    gate = s.new((inner, tokens), s.columns(projected, inner))
    return s.linear(s.new((inner, tokens), gate, out), "ssm_out").view()


def _mamba_of_plamo(s: Sketch, x: Tensor) -> Tensor:
    """PLaMo 2: one projection holds gate and input by heads, and what selects is normed."""
    tokens, sequences = s.n_tokens, s.config.n_seq_max
    inner = s.weights["ssm_out.weight"].shape[0]
    ne, both = (inner, tokens), (2 * inner, tokens)
    history = s.states(s.layer.conv_values)
    projected = s.new(both, s.linear(x.view(), "ssm_in").view())
    joined = convolution(s, history, s.new(ne, projected.view()), inner)
    mixed = s.new(ne, s.new(ne, joined, reads="ssm_conv1d.weight"), reuse=True)
    parts = s.linear(mixed, "ssm_x")
    step = s.linear(_selector(s, parts, "ssm_dt_norm"), "ssm_dt")
    chosen = [_selector(s, parts, role).view() for role in ("ssm_b_norm", "ssm_c_norm")]
    values = inner * tokens + s.layer.recurrent_values * sequences
    y = _scanned(s, values, mixed.view(), step, *chosen)
    out = s.new(ne, y.view(), s.new(ne, mixed.view(), reads="ssm_d"), reuse=True)
    gated = s.new(ne, s.new(ne, projected.view()), out)
    return s.linear(gated.view(), "ssm_out").view()


def _scanned(s: Sketch, values: int, *sources: Tensor) -> Tensor:
    """ggml_ssm_scan, which reads the states where they lie, and the new ones written back."""
    every = s.open_states(s.layer.recurrent_values)
    y = s.expand(s.new((values,), every.view(), *sources, s.inputs["state_ids"], reads="ssm_a"))
    s.move_states(every)
    s.keep_state(y)
    return y


def _selector(s: Sketch, parts: Tensor, role: str) -> Tensor:
    """One of the thin parts that decide what the state keeps, normed."""
    weight = s.weights.get(role) or s.weights[f"{role}.weight"]
    return s.norm(parts.view(), (weight.shape[0], s.n_tokens), role)
