"""Holds the arithmetic of today to rows measured any day: what must be equal, and what may be off."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kvdesk.memory.configuration import Configuration
from kvdesk.memory.cpu import Cpu
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import TOTAL_KINDS, Kind, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.units import MIB
from measuring.rows import MemoryRow, options_of

# Caches and weights have closed formulas, compute is a walk through the graph.
EXACT_KINDS = (Kind.WEIGHTS, Kind.K, Kind.V, Kind.RECURRENT, Kind.OUTPUT)
MOST_UNDER_SHARE, MOST_UNDER_BYTES = 0.02, 8 * MIB
# What a driver takes is a table's figure, so a whole device may be a little further under.
DEVICE_UNDER_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Comparison:
    """One kind of memory on one device: what we say, and what llama.cpp really had. Bytes."""

    kind: Kind
    device: str
    estimated_bytes: int
    real_bytes: int

    @property
    def off_bytes(self) -> int:
        """How far we are over; negative when under."""
        return self.estimated_bytes - self.real_bytes

    @property
    def off_share(self) -> float:
        """The same as a share of what is real."""
        return self.off_bytes / self.real_bytes if self.real_bytes else float(bool(self.off_bytes))

    @property
    def is_exact(self) -> bool:
        """Whether it must be equal."""
        return self.kind in EXACT_KINDS

    @property
    def is_right(self) -> bool:
        """Equal where it must be; else not more than 2 % or 8 MiB under, whichever is more."""
        if self.is_exact:
            return not self.off_bytes
        return -self.off_bytes <= max(MOST_UNDER_BYTES, MOST_UNDER_SHARE * self.real_bytes)


@dataclass(frozen=True, slots=True)
class Judged:
    """A row beside the estimate of today."""

    row: MemoryRow
    report: MemoryReport
    refused: tuple[str, ...]

    def comparisons(self) -> Iterator[Comparison]:
        """Every kind on every device that llama.cpp or we name; none where nothing was loaded."""
        host = self.row.devices[-1].name
        for account in self.row.buffers:
            real = account.measured_bytes
            if real is not None and (account.kind, account.device) == (Kind.WEIGHTS, host):
                # A mapped file's buffer spans whatever lies between its tensors: the plan has their sizes.
                real = account.planned_bytes
            if account.kind in TOTAL_KINDS and real is not None:
                ours = self.report.bytes_of(account.kind, account.device)
                yield Comparison(account.kind, account.device, ours, real)

    def taken(self) -> Iterator[tuple[str, int, int]]:
        """For each GPU: its name, what we say must fit on it, and what it had more in use in the end."""
        for device in self.row.devices:
            took = self.row.taken_bytes(device.name, "used")
            if took is None:
                took = self.row.taken_bytes(device.name, "loaded")
            if device.kind == "gpu" and took is not None:
                yield device.name, self.report.needed_bytes(device.name), took

    def faults(self) -> list[str]:
        """What is wrong with the arithmetic, in words; nothing when all holds."""
        found = []
        if bool(self.refused) != (self.row.refusal is not None):
            theirs = self.row.refusal.message if self.row.refusal else "nothing"
            found.append(f"we refuse {', '.join(self.refused) or 'nothing'}, llama.cpp refused {theirs}")
        for each in self.comparisons():
            if not each.is_right:
                found.append(
                    f"{each.kind} on {each.device}: {each.estimated_bytes:,} estimated, "
                    f"{each.real_bytes:,} real, {each.off_bytes:+,}"
                )
        for name, needed, took in self.taken():
            if took - needed > max(DEVICE_UNDER_BYTES, MOST_UNDER_SHARE * took):
                found.append(f"all of {name}: {needed:,} said to be needed, {took:,} taken")
        return found


def judge(row: MemoryRow, shape: ModelShape) -> Judged:
    """Estimate again what the row measured, for the devices and the processor it was measured on."""
    config = _configuration(row, shape)
    against = tuple(each.option for each in refusals(shape, config) if not each.is_warning)
    return Judged(row, estimate(shape, config), against)


def _configuration(row: MemoryRow, shape: ModelShape) -> Configuration:
    return replace(configure(options_of(row), shape, row.devices), cpu=Cpu(row.cpu))
