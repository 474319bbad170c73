"""Keeps a dry run from allocating what there is no room for.

Of all that a context keeps, llama.cpp really allocates the recurrent state in a dry run as well
(llama_memory_recurrent and llama_dsv4_comp_state ignore no_alloc), and the system may kill the process for
it. Its size is known beforehand from our own arithmetic.
"""

from collections.abc import Sequence

from kvdesk.errors import DoesNotFit
from kvdesk.memory.kv import cache_items
from kvdesk.memory.placement import place
from kvdesk.memory.report import Device, Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes


def require_room(shape: ModelShape | None, options: LoadOptions, devices: Sequence[Device]) -> None:
    """Raise DoesNotFit when the state would be larger than a device's free memory.

    A model whose shape we cannot read goes unguarded.
    """
    if shape is None or not any(layer.keeps_state for layer in shape.layers):
        return
    config = configure(options, shape, devices)
    items = cache_items(shape, config, place(shape, config))
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
