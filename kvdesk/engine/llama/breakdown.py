"""A context's memory, item by item: planned when nothing was allocated, measured when it was."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from kvdesk.engine.llama.buffers import Buffers, read_buffers
from kvdesk.engine.llama.cache_log import CacheLog, read_cache_log, split_by_device
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.printed import PRINTED_ERROR, printed_items, printed_sizes
from kvdesk.memory.report import HOST, Degree, Device, Exactness, Item, Kind, MemoryReport
from kvdesk.phrases import Phrase
from kvdesk.plan.options import LoadOptions
from kvdesk.units import MIB


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A report and what in it could not be read exactly."""

    report: MemoryReport
    notes: tuple[str, ...]


def break_down(
    context: Context, devices: Sequence[Device], degree: Degree, started_s: float | None = None
) -> Breakdown:
    """Report the memory of a context by kind and device.

    `started_s` is the perf_counter reading that `elapsed_ms` counts from.
    """
    log = read_cache_log(context.log_lines)
    notes: list[str] = []
    buffers = read_buffers(context.handle)
    if buffers is None or not _agrees_with_log(buffers, context.log_lines, log):
        notes.append(
            "This build of llama.cpp does not show its account of buffers: sizes are as it prints them, "
            "to 0.01 MiB, and a dry run's weights are from our own arithmetic."
        )
        items = printed_items(context, devices, degree, log)
    else:
        items = _items_from_buffers(buffers, log, _mapped_buffers(context.options, degree))
        if any(item.exactness != "exact" for item in items):
            notes.append("K and V were divided as printed, to 0.01 MiB; their sum is exact.")
    items.append(_output_item(context))
    elapsed_ms = 0.0 if started_s is None else (time.perf_counter() - started_s) * 1000
    present = tuple(item for item in items if item.bytes)
    return Breakdown(MemoryReport(degree, present, tuple(devices), elapsed_ms), tuple(notes))


def _items_from_buffers(buffers: Sequence[Buffers], log: CacheLog, mapped: Sequence[str]) -> list[Item]:
    items = [
        Item(
            Kind.WEIGHTS,
            b.device,
            b.model_bytes,
            "exact",
            Phrase("weights in {buffer}", buffer=b.name),
            b.name in mapped,
        )
        for b in buffers
    ]
    context_bytes: dict[str, int] = {}
    for b in buffers:
        context_bytes[b.device] = context_bytes.get(b.device, 0) + b.context_bytes
    for device, cache in split_by_device(log, context_bytes).items():
        exactness: Exactness = "exact" if cache.exact else "formula"
        items.append(Item(Kind.K, device, cache.k, exactness, Phrase("K of every cache")))
        items.append(Item(Kind.V, device, cache.v, exactness, Phrase("V of every cache")))
        items.append(
            Item(Kind.RECURRENT, device, cache.state, exactness, Phrase("recurrent and convolution state"))
        )
    items += [
        Item(Kind.COMPUTE, b.device, b.compute_bytes, "exact", Phrase("graph in {buffer}", buffer=b.name))
        for b in buffers
    ]
    return items


def _mapped_buffers(options: LoadOptions, degree: Degree) -> tuple[str, ...]:
    """The buffers whose pages the system may drop: a mapped file's, unless they are locked.

    A dry run maps nothing; what a load would map lies there in the host's plain buffer.
    """
    if options.mlock or not options.mmap:
        return ()
    return ("CPU",) if degree == "plan" else ("CPU_Mapped",)


def beyond_buffers(
    report: MemoryReport, before: Sequence[Device], after: Sequence[Device], base_bytes: int
) -> tuple[Item, ...]:
    """What a load took outside llama.cpp's buffers: the driver's share of each GPU, and the engine itself.

    `before` and `after` are the same devices around the load; `base_bytes` the process's resident memory
    before it. Other programs may have taken or freed GPU memory meanwhile, so a GPU's share is no exact one.
    """
    items = [Item(Kind.PROCESS, HOST.name, base_bytes, "exact", Phrase("the engine process before the load"))]
    for then, now in zip(before, after, strict=True):
        if then.kind == "gpu" and then.free_bytes is not None and now.free_bytes is not None:
            rest = then.free_bytes - now.free_bytes - report.bytes_of(device=then.name)
            if rest > 0:
                why = Phrase("taken on the device beyond all buffers: the driver's context, workspaces")
                items.append(Item(Kind.DEVICE_CONTEXT, then.name, rest, "formula", why))
    return tuple(items)


def _agrees_with_log(buffers: Sequence[Buffers], lines: Sequence[str], log: CacheLog) -> bool:
    """Whether the account says what llama.cpp printed: proof, each time, that the map was read rightly."""
    compute = {b.name: b.compute_bytes for b in buffers}
    for buffer, size in printed_sizes(lines, "compute"):
        if abs(compute.get(buffer, -MIB) - size) > PRINTED_ERROR:
            return False
    context = sum(b.context_bytes for b in buffers)
    entries = 2 * len(log.caches) + 3 * len(log.states)
    return abs(context - log.printed_bytes) <= entries * (PRINTED_ERROR + context * 2**-23)


def _output_item(context: Context) -> Item:
    """The logits' rows (llama_context::output_reserve): no column of the account has them.

    The library prints their size; the bytes behind it are a row of the vocabulary for each sequence, and of
    T5 one of its embedding.
    """
    width = context.model.n_vocab
    if context.model.metadata("general.architecture") == "t5":
        width += llama.llama_model_n_embd_out(context.model.handle)
    size = width * context.options.parallel * 4
    why = Phrase("logits, {rows} x {entries} x 4", rows=context.options.parallel, entries=width)
    _, printed = next(printed_sizes(context.log_lines, "output"), ("", size))
    if abs(size - printed) <= PRINTED_ERROR:
        return Item(Kind.OUTPUT, HOST.name, size, "exact", why)
    return Item(Kind.OUTPUT, HOST.name, round(printed), "formula", Phrase("outputs, as printed"))
