"""Embeddings that every layer adds a part of (gemma3n, gemma4, talkie)."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.sketch import F32, Sketch

_TABLE = "per_layer_token_embd.weight"


def is_used(s: Sketch) -> bool:
    """Whether the model has such embeddings."""
    return _TABLE in s.shape.weight_by_name


def prepare(s: Sketch, stream: Tensor) -> Tensor:
    """Look up what all layers will add."""
    if s.shape.skips_embedding:
        s.inputs["skip"] = s.new((s.shape.n_embd, s.n_tokens), stream, reuse=True)  # normed
        return s.inputs["skip"]
    table = s.shape.weight_by_name.get(_TABLE)
    if table is None or "per_layer_model_proj.weight" not in s.shape.weight_by_name:
        return stream
    ne = (table.shape[0], s.n_tokens)
    looked_up = s.new(ne, s.input(4 * s.n_tokens), reads=_TABLE)
    s.inputs["per_layer"] = s.expand(s.new(ne, looked_up.view()))
    s.inputs["scaled"] = stream
    return stream


def added(s: Sketch, out: Tensor) -> Tensor:
    """Add the layer's own part to its result."""
    if s.shape.skips_embedding:
        ne, skip = (s.shape.n_embd, s.n_tokens), s.inputs["skip"]
        skip = skip if s.n_tokens == s.all_tokens else s.rows(skip, *ne)
        return s.new(ne, out, s.new(ne, skip, reuse=True), reuse=True)
    if _TABLE not in s.shape.weight_by_name or not s.has("inp_gate.weight"):
        return out
    ne, inner = (s.shape.n_embd, s.n_tokens), (s.width("inp_gate.weight"), s.n_tokens)
    gate = s.new(inner, s.linear(out, "inp_gate"), reuse=True)
    gate = s.new(inner, gate, layer_embedding(s), reuse=True)
    return s.new(ne, out, s.norm(s.linear(gate, "proj"), ne, "post_norm"), reuse=True)


def layer_embedding(s: Sketch) -> Tensor:
    """Made where the first layer needs it: a projection of the input joins the looked-up table."""
    if "per_layer_ready" not in s.inputs:
        ne = (s.shape.weight_by_name[_TABLE].shape[0], s.all_tokens)
        projected = s.new(ne, s.inputs["scaled"], reads="per_layer_model_proj.weight")
        projected = s.new(ne, s.new(ne, projected, reuse=True).view())
        projected = s.new(ne, projected, reuse=True, reads="per_layer_proj_norm.weight")
        for other in (s.inputs["per_layer"], None):
            projected = s.new(ne, projected, other, reuse=True)
        s.inputs["per_layer_ready"] = s.new(ne, projected.view())
    return s.inputs["per_layer_ready"].view(F32 * s.width("inp_gate.weight") * s.all_tokens)
