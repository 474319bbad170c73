"""The estimate: all memory of a model under a configuration, from arithmetic alone."""

import time

from kvdesk.memory.compute import compute_items
from kvdesk.memory.configuration import Configuration
from kvdesk.memory.graph.fusion import settled
from kvdesk.memory.host import host_items, output_item, work_item
from kvdesk.memory.kv import cache_items
from kvdesk.memory.placement import place
from kvdesk.memory.report import MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.memory.weights import weight_items


def estimate(shape: ModelShape, config: Configuration, *, tells_copies: bool = True) -> MemoryReport:
    """List everything that llama.cpp would allocate, by kind and device, in well under a millisecond.

    Without `tells_copies` the sums are the same, but compute buffers are not divided further.
    """
    started = time.perf_counter()
    placement = place(shape, config)
    config = settled(shape, config)
    work = work_item(shape, config, placement)
    items = (
        *weight_items(shape, config),
        *cache_items(shape, config, placement),
        *compute_items(shape, config, placement, tells_copies=tells_copies),
        output_item(shape, config),
        *((work,) if work else ()),
        *host_items(shape, config),
    )
    elapsed_ms = (time.perf_counter() - started) * 1000
    return MemoryReport("estimate", items, config.devices, elapsed_ms)
