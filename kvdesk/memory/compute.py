"""Compute buffers: what the scheduler reserves for intermediate results, and the phase that decides it."""

from functools import lru_cache

from kvdesk.memory.configuration import Configuration
from kvdesk.memory.devices import backend_of
from kvdesk.memory.graph.allocator import Peak
from kvdesk.memory.graph.model import peak_of
from kvdesk.memory.placement import Placement
from kvdesk.memory.report import Item, Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.units import format_tokens


def compute_items(shape: ModelShape, config: Configuration, placement: Placement) -> list[Item]:
    """The compute buffer of each device."""
    peak = _peak(shape, config)
    why = (
        f"largest during {peak.note}: {format_tokens(config.n_tokens)} tokens at once, "
        f"logits of {format_tokens(config.n_outputs)}"
    )
    return [Item(Kind.COMPUTE, config.host.name, peak.n_bytes, "formula", why)]


@lru_cache(maxsize=512)
def _peak(shape: ModelShape, config: Configuration) -> Peak:
    return peak_of(shape, config, backend_of(config.host.backend).alignment)
