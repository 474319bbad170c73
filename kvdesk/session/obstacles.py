"""What stands against a load, found before llama.cpp is asked: it might end the process, or take the memory
of every other program on the machine.
"""

from kvdesk.errors import DoesNotFit, KvDeskError, OptionError
from kvdesk.memory.report import Device, MemoryReport, Refusal
from kvdesk.phrases import Phrase
from kvdesk.units import format_bytes, format_tokens


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


def committed_bytes(report: MemoryReport, device: str) -> int:
    """What must be there and stay: everything but the mapped pages that the system may drop."""
    return sum(item.bytes for item in report.items if item.device == device and not item.is_reclaimable)


def _way_out(max_ctx_size: int | None) -> Phrase:
    if max_ctx_size is None:
        return Phrase("No context fits with this pair of cache types; try smaller types or a smaller model.")
    return Phrase(
        "The largest context that fits with this pair is {tokens} tokens.", tokens=format_tokens(max_ctx_size)
    )
