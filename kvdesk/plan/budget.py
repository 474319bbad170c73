"""How much of each device's memory a model may take: what is free, less a reserve, or a given amount."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kvdesk.errors import OptionError
from kvdesk.memory.report import Device
from kvdesk.units import parse_bytes

Ceilings = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Amount:
    """Memory in bytes, or as a share of something else (0 to 1), whichever is not None."""

    size_bytes: int | None = 0
    share: float | None = None

    def of(self, whole_bytes: int) -> int:
        """The bytes it stands for where the whole has `whole_bytes`."""
        return round(whole_bytes * self.share) if self.share is not None else self.size_bytes or 0


def parse_amount(text: str) -> Amount:
    """Read "512MiB", "1.5g", "10%", or a share such as "0.8". Raises OptionError for anything else."""
    stripped = text.strip()
    if match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", stripped):
        share = float(match[1]) / 100
    elif re.fullmatch(r"0?\.\d+|1\.0*", stripped):
        share = float(stripped)
    else:
        return Amount(parse_bytes(stripped))
    if share > 1:
        raise OptionError("{text} is more than all of it.", "Write a share of at most 100 %.", text=text)
    return Amount(None, share)


def ceilings(
    devices: Sequence[Device], reserve: Amount, budget: Amount | None = None
) -> dict[str, int | None]:
    """What may be taken of each device: its free memory, or the budget's part of it, less the reserve.

    None where the free memory is not known. A budget in bytes counts for every GPU (and for the host where
    there is none); a device's free memory caps it.
    """
    has_gpu = any(device.kind != "cpu" for device in devices)
    limits: dict[str, int | None] = {}
    for device in devices:
        limit = device.free_bytes
        is_budgeted = budget is not None and (device.kind != "cpu" or not has_gpu)
        if budget is not None and is_budgeted:
            given = budget.of(limit or 0) if budget.share is not None else budget.size_bytes
            limit = given if limit is None or given is None else min(limit, given)
        limits[device.name] = None if limit is None else max(0, limit - reserve.of(limit))
    return limits
