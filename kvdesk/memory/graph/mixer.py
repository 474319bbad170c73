"""What mixes tokens in a layer: attention, recurrence, both, or nothing."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.attention import attention
from kvdesk.memory.graph.recurrent import recurrent
from kvdesk.memory.graph.sketch import Sketch


def mixed(s: Sketch, normed: Tensor, residual: Tensor) -> Tensor | None:
    """From the normed input to what joins the stream."""
    layer = s.layer
    if layer.has_both:
        ne = (s.shape.n_embd, s.n_tokens)
        attended = attention(s, normed)
        return s.new(ne, attended, recurrent(s, s.norm(residual, ne, "attn_norm")), reuse=True)
    if layer.keeps_state:
        return recurrent(s, normed)
    if layer.keeps_cells or layer.attention == "shared" or not s.shape.reads_cache:
        return attention(s, normed)
    return None
