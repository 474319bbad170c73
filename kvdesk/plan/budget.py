"""How much of each device's memory a model may take: what is free, less a reserve, or a given amount."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kvdesk.errors import OptionError
from kvdesk.memory.report import Device, Kind, MemoryReport
from kvdesk.units import parse_bytes

Ceilings = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be taken of each device (None: as much as it likes), and what of that the K and V caches may
    take: bytes on each device, or a share of what the rest of the model leaves.
    """

    devices: Ceilings
    cache: "Amount | None" = None

    @classmethod
    def of(cls, limits: "Limits | Ceilings") -> "Limits":
        """Limits of devices alone have no opinion about the caches."""
        return limits if isinstance(limits, Limits) else cls(limits)

    def tightest(self, report: MemoryReport) -> tuple[int, str]:
        """What a report leaves on the device that has least left, and its name; (0, "") without limits."""
        margins = []
        for name in self.devices:
            caches = report.bytes_of(Kind.K, name) + report.bytes_of(Kind.V, name)
            left = self.margin(name, report.needed_bytes(name), caches)
            if left is not None:
                margins.append((math.floor(left), name))
        return min(margins, default=(0, ""))

    def margin(self, device: str, needed_bytes: float, cache_bytes: float) -> float | None:
        """What is left on a device (negative: lacking) of which so much is needed, caches included."""
        limit = self.devices.get(device)
        if self.cache is None:
            return None if limit is None else limit - needed_bytes
        if self.cache.share is None:
            left = (self.cache.size_bytes or 0) - cache_bytes
            return left if limit is None else min(left, limit - needed_bytes)
        if limit is None:
            return None
        rest = limit - (needed_bytes - cache_bytes)
        return min(rest * self.cache.share, rest) - cache_bytes


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
