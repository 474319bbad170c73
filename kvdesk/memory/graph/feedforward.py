"""The feed-forward of one layer: gated or plain, one or a mixture of experts with shared ones beside."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import Sketch


def feed_forward(s: Sketch, x: Tensor) -> Tensor:
    """From the normed input to what is added to the stream (build_ffn, build_moe_ffn)."""
    if s.has("ffn_down_exps.weight"):
        out = mixture(s, x)
        if s.has("ffn_down_chexps.weight"):  # what groups of experts have in common (grovemoe)
            common = mixture(s, out, "_chexps")
            out = s.new(
                (s.shape.n_embd, s.n_tokens),
                out,
                s.new((s.shape.n_embd, s.n_tokens), common, reuse=True),
                reuse=True,
            )
        if s.has("ffn_routed_norm.weight"):
            out = s.norm(out, (s.weights["ffn_routed_norm.weight"].shape[0], s.n_tokens), "ffn_routed_norm")
        if s.has("ffn_routed_up.weight"):
            out = s.linear(out, "ffn_routed_up")
        if s.has("ffn_down_shexp.weight"):
            shared = dense(s, x, "_shexp")
            ne = (s.shape.n_embd, s.n_tokens)
            if s.has("ffn_gate_inp_shexp.weight"):
                gate = s.new((1, s.n_tokens), x, reads="ffn_gate_inp_shexp.weight")
                gate = s.new((1, s.n_tokens), gate, reuse=True)
                shared = s.new(ne, shared, gate, reuse=True)
            out = s.new(ne, out, shared, reuse=True)
        elif s.has("ffn_down.weight"):
            out = s.new((s.shape.n_embd, s.n_tokens), dense(s, x), out, reuse=True)
        return out
    return dense(s, x)


def dense(s: Sketch, x: Tensor, suffix: str = "") -> Tensor:
    """One feed-forward."""
    s.phase = "feed-forward"
    width = s.width(f"ffn_up{suffix}.weight")
    inner = s.width(f"ffn_down{suffix}.weight") and s.weights[f"ffn_down{suffix}.weight"].shape[0]
    ne = (inner, s.n_tokens)
    if s.has(f"ffn_gate{suffix}.weight"):
        gate = s.linear(x, f"ffn_gate{suffix}")
        up = s.linear(x, f"ffn_up{suffix}")
        middle = _activated(s, gate, up, ne)
    else:
        up = s.linear(x, f"ffn_up{suffix}")
        is_fused = width == 2 * inner
        middle = s.new(ne, up, reuse=not is_fused)
    if s.has_norm("ffn_sub_norm"):
        middle = s.norm(middle, ne, "ffn_sub_norm")
    return s.linear(middle, f"ffn_down{suffix}")


def mixture(s: Sketch, x: Tensor, suffix: str = "_exps") -> Tensor:
    """The experts that each token chose (build_moe_ffn)."""
    s.phase = "experts"
    down = s.weights[f"ffn_down{suffix}.weight"].shape
    inner, width, n_experts = down[0], down[1], s.shape.n_experts
    tokens, used = s.n_tokens, min(s.layer.experts_used, down[2])
    weights, chosen = _routing(s, x, n_experts, used)
    spread = (s.linear(x, "ffn_routed_down") if s.has("ffn_routed_down.weight") else x).view()
    if s.shape.weighs_first:
        wide = (down[1], used, tokens)
        spread = s.new(wide, s.new(wide, spread), weights, reuse=True)
    ne = (inner, used, tokens)
    if s.has("ffn_gate_up_exps.weight"):
        both = s.new((2 * inner, used, tokens), spread, chosen, reads="ffn_gate_up_exps.weight")
        middle = s.new(ne, both.view(), both.view())
    elif s.has("ffn_gate_exps.weight"):
        gate = _expert(s, spread, chosen, f"ffn_gate{suffix}", ne)
        up = _expert(s, spread, chosen, f"ffn_up{suffix}", ne)
        middle = _activated(s, gate, up, ne)
    else:
        middle = s.new(ne, _expert(s, spread, chosen, "ffn_up_exps", ne), reuse=True)
    ne = (width, used, tokens)
    out = _expert(s, middle, chosen, f"ffn_down{suffix}", ne)
    out = s.expand(out if s.shape.weighs_first else s.new(ne, out, weights, reuse=True))
    if used == 1:
        return s.new((width, tokens), out.view())
    parts = [s.expand(out.view()) for _ in range(used)]
    total = parts[0]
    for part in parts[1:]:
        total = s.expand(s.new((width, tokens), total, part, reuse=True))
    return total


def _activated(s: Sketch, gate: Tensor, up: Tensor, ne: tuple[int, ...]) -> Tensor:
    """The fused gates (swiglu, geglu) never work in place; Kimi K3's is made of single steps (situ)."""
    if not s.shape.bends_gates_in_steps:
        return s.new(ne, gate, up)
    bent = s.new(ne, gate)
    for _ in range(2):
        bent, up = s.new(ne, bent, reuse=True), s.new(ne, up, reuse=True)
    bent = s.new(ne, bent, s.new(ne, gate, reuse=True), reuse=True)
    return s.new(ne, bent, s.new(ne, up, reuse=True), reuse=True)


def _expert(s: Sketch, x: Tensor, chosen: Tensor, role: str, ne: tuple[int, ...]) -> Tensor:
    y = s.new(ne, x, chosen, reads=f"{role}.weight")
    return s.new(ne, y, chosen, reuse=True, reads=f"{role}.bias") if s.has(f"{role}.bias") else y


def routed(s: Sketch, x: Tensor) -> Tensor:
    """How much each expert is for each token."""
    return s.new((s.shape.n_experts, s.n_tokens), x, reads="ffn_gate_inp.weight")


def _routing(s: Sketch, x: Tensor, n_experts: int, used: int) -> tuple[Tensor, Tensor]:
    """Which experts, and their shares: small, but what lies on both sides of them cannot be joined."""
    tokens, how = s.n_tokens, s.shape.expert_shares
    ne = (n_experts, tokens)
    logits = s.inputs.pop("router") if "router" in s.inputs else routed(s, x)
    if s.has("ffn_gate_inp.bias"):
        logits = s.new(ne, logits, reuse=True, reads="ffn_gate_inp.bias")
    odds = logits if how == "softmax" else s.new(ne, logits, reuse=True)
    reshaped = odds.view()
    has_bias = s.has("exp_probs_b.bias")
    choice = s.new(ne, odds, reuse=True, reads="exp_probs_b.bias") if has_bias else odds
    chosen = s.new(ne, logits if s.shape.weighs_first else choice).view()
    shares = s.new((1, used, tokens), reshaped, chosen)
    if how == "softmax":
        shares = s.new((used, tokens), shares.view(), reuse=True).view()
    if how == "normed":
        flat = shares.view()
        total = s.new((1, tokens), flat)
        total = s.new((1, tokens), total, reuse=True)
        shares = s.new((used, tokens), flat, total, reuse=True).view()
    if s.shape.scales_shares:
        shares = s.new((1, used, tokens), shares, reuse=True)
    return s.expand(shares), chosen
