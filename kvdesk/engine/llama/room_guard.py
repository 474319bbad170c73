"""Keeps a dry run from allocating what there is no room for.

A dry run really allocates two things, and the system may kill the process for them: the recurrent state
(llama_memory_recurrent and llama_dsv4_comp_state ignore no_alloc) and the bookkeeping of the cells
(llama_kv_cells). Both sizes are known beforehand.
"""

from collections.abc import Sequence

from kvdesk.errors import DoesNotFit
from kvdesk.memory.kv import cache_items
from kvdesk.memory.placement import place
from kvdesk.memory.report import Device, Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes, format_tokens

# llama_kv_cells keeps this for each cell on the host: pos, ext, shift and the bits of seq.
CELL_BYTES = 4 + 12 + 4 + 32


def require_room(shape: ModelShape | None, options: LoadOptions, devices: Sequence[Device]) -> None:
    """Raise DoesNotFit when a dry run of these options would take more memory than there is.

    The state of a model whose shape we cannot read goes unguarded.
    """
    for device in devices:
        if device.kind == "cpu":
            _require_cells(options.ctx_size, device)
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


def _require_cells(ctx_size: int, host: Device) -> None:
    if host.free_bytes is not None and ctx_size * CELL_BYTES > host.free_bytes // 2:
        raise DoesNotFit(
            "llama.cpp cannot be asked about {ctx} tokens: only to plan them would take {needed} of memory.",
            "Choose a smaller context.",
            ctx=format_tokens(ctx_size),
            needed=format_bytes(ctx_size * CELL_BYTES),
        )
