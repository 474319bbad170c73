"""Compute buffers: what the scheduler reserves for intermediate results, and the phase that decides it."""

from dataclasses import replace
from functools import lru_cache

from kvdesk.memory.cache_types import BY_NAME, CacheType
from kvdesk.memory.configuration import Configuration
from kvdesk.memory.cpu import Cpu
from kvdesk.memory.devices import backend_of
from kvdesk.memory.graph.model import device_peaks
from kvdesk.memory.graph.sketch import F32
from kvdesk.memory.graph.tape import Peak
from kvdesk.memory.placement import Placement
from kvdesk.memory.report import Device, Item, Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.memory.weights import staged_bytes
from kvdesk.phrases import Phrase, joined
from kvdesk.units import format_tokens

PIPELINE_COPIES = 4  # GGML_SCHED_MAX_COPIES
# Rather over than under where the sketch leaves parts out: an eighth, or four of the stream.
ROUGH_SHARE = 8
ROUGH_STREAMS = 4
OFFLOAD_MIN_TOKENS = 32  # below it a GPU leaves the work to where the weights are (offload_op)


def compute_items(
    shape: ModelShape, config: Configuration, placement: Placement, *, tells_copies: bool = True
) -> list[Item]:
    """The compute buffer of each device, and what a GPU adds to it as items of their own.

    Without `tells_copies` copies are part of the buffer's item, in half the time.
    """
    is_split = len(placement.computing) > 1 or placement.output != config.host.name
    n_copies = PIPELINE_COPIES if _pipelines(shape, config) else 1
    full = _peaks(shape, _decisive(config, tells_bf16=is_split), n_copies, is_split)
    plain = with_copies = full
    if tells_copies and is_split:
        plain = _peaks(shape, _decisive(config, tells_bf16=False), 1, False)
        with_copies = _peaks(shape, _decisive(config, tells_bf16=True), 1, True)
    items = []
    for device in config.devices:
        peak = plain[device.name]
        if not peak.n_bytes:
            continue
        why = Phrase(
            "largest during {phase}: {tokens} tokens at once, logits of {outputs}",
            phase=Phrase(peak.note),
            tokens=format_tokens(config.n_tokens),
            outputs=format_tokens(config.n_outputs),
        )
        n_bytes = peak.n_bytes
        if shape.is_rough:
            why = joined([why, Phrase("rough for this architecture, the dry run decides")], "; ")
            n_bytes += max(n_bytes // ROUGH_SHARE, ROUGH_STREAMS * F32 * shape.n_embd * config.n_tokens)
        items.append(Item(Kind.COMPUTE, device.name, n_bytes, "formula", why))
        items += _extra(
            device, with_copies[device.name].n_bytes - peak.n_bytes, Phrase("copies in f16 of the cache")
        )
        more = full[device.name].n_bytes - with_copies[device.name].n_bytes
        items += _extra(
            device, more, Phrase("inputs kept {count} times, so that batches overlap", count=PIPELINE_COPIES)
        )
    items += _staging(shape, config)
    return items


def _extra(device: Device, n_bytes: int, why: Phrase) -> list[Item]:
    return [Item(Kind.COMPUTE, device.name, n_bytes, "formula", why)] if n_bytes > 0 else []


def _staging(shape: ModelShape, config: Configuration) -> list[Item]:
    """Weights on the host are brought to the first GPU one tensor at a time to compute prompts there."""
    first = config.accelerators[0] if config.accelerators else None
    if first is None or not config.op_offload or config.n_tokens < OFFLOAD_MIN_TOKENS:
        return []
    if not backend_of(first.backend).stages_weights:
        return []
    why = Phrase("the largest weight on the host, brought over for prompts")
    return _extra(first, staged_bytes(shape, config), why)


def _pipelines(shape: ModelShape, config: Configuration) -> bool:
    """llama_context's conditions for pipeline parallelism."""
    return (
        len(config.accelerators) > 1
        and config.n_gpu_layers > len(shape.layers)
        and config.split_mode == "layer"
        and config.kv_offload
        and not config.overrides
        and all(backend_of(device.backend).can_pipeline for device in config.accelerators)
    )


def _decisive(config: Configuration, *, tells_bf16: bool) -> Configuration:
    """The same configuration for all whose peaks are the same.

    Quantised types differ only in being quantised; bf16 from f16 only where a kernel copies what is not f16.
    """
    tells_bf16 &= any(backend_of(device.backend).copies_unless_f16 for device in config.accelerators)
    return replace(
        config,
        type_k=_peak_type(config.type_k, tells_bf16) if config.kv_offload else config.type_k,
        type_v=_peak_type(config.type_v, tells_bf16) if config.kv_offload else config.type_v,
        n_outputs_max=config.n_outputs,
        n_batch=config.n_ubatch,
        cpu=Cpu.PLAIN,
        mmap=True,
        mlock=False,
        threads=0,
    )


def _peak_type(cache_type: CacheType, tells_bf16: bool) -> CacheType:
    if cache_type.is_quantised:
        return BY_NAME["q8_0"]
    return BY_NAME["f16"] if cache_type.name == "bf16" and not tells_bf16 else cache_type


@lru_cache(maxsize=1024)
def _peaks(
    shape: ModelShape, config: Configuration, n_copies: int, adds_kernel_copies: bool
) -> dict[str, Peak]:
    return device_peaks(shape, config, n_copies=n_copies, adds_kernel_copies=adds_kernel_copies)
