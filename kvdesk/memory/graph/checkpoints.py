"""Kimi K3's stream: every few layers it is put aside, and each layer reads a mixture of all put aside."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.feedforward import feed_forward
from kvdesk.memory.graph.mixer import mixed
from kvdesk.memory.graph.sketch import Sketch

_LAST = "output_res_score.weight"


def has_checkpoints(s: Sketch) -> bool:
    """Whether the model puts its stream aside."""
    return _LAST in s.shape.weight_by_name


def layer(s: Sketch, stream: Tensor) -> Tensor:
    """One layer (models/kimi-k3.cpp)."""
    ne = (s.shape.n_embd, s.n_tokens)
    current = _mixture(s, stream, "attn_res_score.weight")
    is_put_aside = s.layer.index % s.shape.checkpoint_every == 0
    if is_put_aside:
        _put_aside(s, stream)
    normed = s.expand(s.norm(current, ne, "attn_norm"))
    out = mixed(s, normed, stream)
    if out is not None:
        stream = out if is_put_aside else s.new(ne, stream, out, reuse=True)
    out = feed_forward(s, s.norm(_mixture(s, stream, "ffn_res_score.weight"), ne, "ffn_norm"))
    return s.new(ne, stream, out, reuse=True)


def closed(s: Sketch, stream: Tensor) -> Tensor:
    """The last mixture, before the logits."""
    return _mixture(s, stream, _LAST)


def _put_aside(s: Sketch, stream: Tensor) -> None:
    """res_push: the pile grows by copying."""
    pile = s.inputs.get("checkpoints")
    s.n_checkpoints += 1
    ne = (s.shape.n_embd, s.n_checkpoints, s.n_tokens)
    s.inputs["checkpoints"] = stream.view() if pile is None else s.new(ne, pile, stream.view())


def _mixture(s: Sketch, stream: Tensor, role: str) -> Tensor:
    """res_mix: scores of all put aside and of the stream, and their sum weighted by these."""
    pile, count, tokens = s.inputs.get("checkpoints"), s.n_checkpoints, s.n_tokens
    if pile is None:
        return stream
    ne, every = (s.shape.n_embd, tokens), (s.shape.n_embd, count, tokens)
    scored = s.new(every, s.new(every, pile, reuse=True), reuse=True, reads=role)
    scored = s.new((count, tokens), scored)
    present = s.new(ne, s.new(ne, stream, reuse=True), reuse=True, reads=role)
    present = s.new((1, tokens), present)
    scores = s.new((count + 1, tokens), scored.view(), present)
    shares = s.new((count + 1, tokens), scores, reuse=True)
    out = s.new(ne, pile, s.new((count, tokens), shares.view()))
    return s.new(ne, out, s.new(ne, stream, s.new((1, tokens), shares.view()), reuse=True), reuse=True)
