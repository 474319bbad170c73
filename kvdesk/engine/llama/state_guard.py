"""Keeps a dry run from allocating what there is no room for.

Of all that a context keeps, llama.cpp really allocates the recurrent state in a dry run as well
(llama_memory_recurrent and llama_dsv4_comp_state ignore no_alloc), and the system may kill the process for
it. Its size is known beforehand from our own arithmetic.
"""

from collections.abc import Sequence

from kvdesk.errors import DoesNotFit, GgufError
from kvdesk.gguf.splits import read_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.kv import cache_items
from kvdesk.memory.placement import place
from kvdesk.memory.report import Device, Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes


class StateGuard:
    """Knows whether a model keeps state beside its caches, and how much."""

    def __init__(self, path: str) -> None:
        self._shape = _stateful_shape(path)

    def require_room(self, options: LoadOptions, devices: Sequence[Device]) -> None:
        """Raise DoesNotFit when the state would be larger than a device's free memory."""
        if self._shape is None:
            return
        config = configure(options, self._shape, devices)
        items = cache_items(self._shape, config, place(self._shape, config))
        for device in devices:
            needed = sum(i.bytes for i in items if i.device == device.name and i.kind is Kind.RECURRENT)
            if device.free_bytes is not None and needed > device.free_bytes:
                raise DoesNotFit(
                    "The recurrent state takes {needed}, and {device} has {free} free.",
                    "Serve fewer sequences at once.",
                    needed=format_bytes(needed),
                    device=device.name,
                    free=format_bytes(device.free_bytes),
                )


def _stateful_shape(path: str) -> ModelShape | None:
    """The model's shape when some layer keeps state.

    None as well for a file that llama.cpp opened and we cannot read: it then goes unguarded.
    """
    try:
        shape = shape_of(read_model(path))
    except GgufError:
        return None
    return shape if any(layer.keeps_state for layer in shape.layers) else None
