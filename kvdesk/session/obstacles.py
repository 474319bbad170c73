"""What stands against a load or a dry run, found before llama.cpp is asked: it might end the process, or
take the memory of every other program on the machine.
"""

from kvdesk.errors import DoesNotFit, KvDeskError, OptionError
from kvdesk.memory.report import Device, MemoryReport, Refusal
from kvdesk.plan.options import LoadOptions
from kvdesk.units import format_bytes, format_tokens

# llama_kv_cells keeps this for each cell on the host, in a dry run too: pos, ext, shift and the bits of seq.
CELL_BYTES = 4 + 12 + 4 + 32


def against_load(
    report: MemoryReport | None,
    refusals: tuple[Refusal, ...],
    devices: tuple[Device, ...],
    max_ctx_size: int | None,
) -> KvDeskError | None:
    """Return why these options should not be loaded; None when there is no reason.

    The host must have what is committed there free, because its system would rather end programs than refuse
    memory. A GPU refuses by itself, so that it is only kept from what it could never hold.
    """
    for refusal in refusals:
        if not refusal.is_warning:
            return OptionError(refusal.message, refusal.hint)
    if report is None:
        return None
    for device in devices:
        limit = device.free_bytes if device.kind == "cpu" else device.total_bytes
        needed = committed_bytes(report, device.name)
        if limit is not None and needed > limit:
            return DoesNotFit(
                "This needs {needed} on {device}, and there are {limit}.",
                _way_out(max_ctx_size),
                needed=format_bytes(needed),
                device=device.name,
                limit=format_bytes(limit),
            )
    return None


def against_plan(options: LoadOptions, devices: tuple[Device, ...]) -> KvDeskError | None:
    """Return why llama.cpp should not even be asked what these options would take."""
    host = next((device for device in devices if device.kind == "cpu"), None)
    if host is None or host.free_bytes is None or options.ctx_size * CELL_BYTES < host.free_bytes // 2:
        return None
    return DoesNotFit(
        "llama.cpp cannot be asked about {ctx} tokens: only to plan them it would take {needed} of memory.",
        "Choose a smaller context.",
        ctx=format_tokens(options.ctx_size),
        needed=format_bytes(options.ctx_size * CELL_BYTES),
    )


def committed_bytes(report: MemoryReport, device: str) -> int:
    """What must be there and stay: everything but the mapped pages that the system may drop."""
    return sum(item.bytes for item in report.items if item.device == device and not item.is_reclaimable)


def _way_out(max_ctx_size: int | None) -> str:
    if max_ctx_size is None:
        return "No context fits with this pair of cache types; try smaller types or a smaller model."
    return f"The largest context that fits with this pair is {format_tokens(max_ctx_size)} tokens."
