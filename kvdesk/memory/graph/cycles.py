"""HRM-Text's two stacks of layers, which run in turns and each read what the other put out last."""

from kvdesk.memory.graph.allocator import Tensor
from kvdesk.memory.graph.attention import attention
from kvdesk.memory.graph.feedforward import dense
from kvdesk.memory.graph.sketch import Sketch

_FIRST_LOW = "hrm.z_l_init"


def has_cycles(s: Sketch) -> bool:
    """Whether the model's layers are passes of such stacks."""
    return s.shape.stack_layers > 0


def opened(s: Sketch, stream: Tensor) -> Tensor:
    """The high state begins as the embedding, the low one as a learned row."""
    s.inputs["high"] = stream
    return stream


def layer(s: Sketch, stream: Tensor) -> Tensor:
    """One layer of a pass (models/hrm-text.cpp); every pass has caches of its own, not weights."""
    ne, count = (s.shape.n_embd, s.n_tokens), s.shape.stack_layers
    number, place = divmod(s.layer.index, count)
    is_high = number % (s.shape.low_passes + 1) == s.shape.low_passes
    s.weights = s.shape.weights_by_layer[place + (count if is_high else 0)]
    if place == 0:
        low = s.inputs.get("low")
        stream = s.new(ne, s.inputs["high"], low, reuse=True, reads="" if low else _FIRST_LOW)
    found = attention(s, s.new(ne, stream, reuse=True))
    stream = s.new(ne, found, stream, reuse=True)
    stream = s.new(ne, dense(s, s.new(ne, stream, reuse=True)), stream, reuse=True)
    if place == count - 1:
        stream = s.inputs["high" if is_high else "low"] = s.new(ne, stream, reuse=True)
    return stream


def closed(_: Sketch, stream: Tensor) -> Tensor:
    """The last pass is a high one."""
    return stream
