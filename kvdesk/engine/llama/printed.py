"""A context's memory from llama.cpp's log alone, for builds that do not show their account of buffers.

What is printed has two decimals of a MiB, so nothing here is called exact.
"""

import re
from collections.abc import Iterator, Sequence

from kvdesk.engine.llama import ggml
from kvdesk.engine.llama.cache_log import CacheLog, split_by_device
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.devices import all_handles
from kvdesk.engine.llama.library import text_of
from kvdesk.memory.report import HOST, Degree, Device, Item, Kind
from kvdesk.memory.weights import weight_items
from kvdesk.phrases import Phrase
from kvdesk.plan.configure import configure
from kvdesk.units import MIB

_LINE = re.compile(r"(?P<buffer>\S+) +(?P<kind>model|output|compute) buffer size = *(?P<mib>[\d.]+) MiB")
PRINTED_ERROR = 0.00501 * MIB  # how far a printed size may be from the true one


def printed_sizes(lines: Sequence[str], kind: str) -> Iterator[tuple[str, float]]:
    """The (buffer, bytes) of every line of a kind: "model", "output" or "compute"."""
    for line in lines:
        if (match := _LINE.search(line)) and match["kind"] == kind:
            yield match["buffer"], float(match["mib"]) * MIB


def printed_items(context: Context, devices: Sequence[Device], degree: Degree, log: CacheLog) -> list[Item]:
    """Weights, caches and compute buffers as printed; a dry run prints no weights, and ours stand in."""
    names = _devices_by_buffer()
    items = _weights(context, devices, names) if degree == "measurement" else _our_weights(context, devices)
    for device, cache in split_by_device(log, _context_bytes(log)).items():
        items.append(Item(Kind.K, device, cache.k, "formula", Phrase("K of every cache, as printed")))
        items.append(Item(Kind.V, device, cache.v, "formula", Phrase("V of every cache, as printed")))
        items.append(Item(Kind.RECURRENT, device, cache.state, "formula", Phrase("state, as printed")))
    for buffer, size in printed_sizes(context.log_lines, "compute"):
        device = names.get(buffer, HOST.name)
        items.append(
            Item(
                Kind.COMPUTE,
                device,
                round(size),
                "formula",
                Phrase("graph in {buffer}, as printed", buffer=buffer),
            )
        )
    return items


def _weights(context: Context, devices: Sequence[Device], names: dict[str, str]) -> list[Item]:
    return [
        Item(
            Kind.WEIGHTS,
            names.get(buffer, HOST.name),
            round(size),
            "formula",
            Phrase("weights in {buffer}, as printed", buffer=buffer),
            is_reclaimable=buffer == "CPU_Mapped" and not context.options.mlock,
        )
        for buffer, size in printed_sizes(context.model.log_lines, "model")
    ]


def _our_weights(context: Context, devices: Sequence[Device]) -> list[Item]:
    if context.model.shape is None:
        return []
    return weight_items(context.model.shape, configure(context.options, context.model.shape, devices))


def _context_bytes(log: CacheLog) -> dict[str, int]:
    parts = [(cache.layers, sum(cache.sizes[0])) for cache in log.caches]
    parts += [(state.layers, state.size) for state in log.states]
    totals: dict[str, int] = {}
    for layers, size in parts:
        for device, count in layers.items():
            totals[device] = totals.get(device, 0) + size * count // layers.total()
    return totals


def _devices_by_buffer() -> dict[str, str]:
    """The device that each device buffer belongs to; all other buffers are host memory."""
    return {
        text_of(ggml.buft_name(buffer_type)): text_of(ggml.dev_name(handle))
        for handle in all_handles()
        if ggml.dev_type(handle) not in (ggml.DeviceType.CPU, ggml.DeviceType.ACCEL)
        and (buffer_type := ggml.dev_buffer_type(handle))
    }
