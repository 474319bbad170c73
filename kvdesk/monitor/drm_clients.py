"""Reads what one process holds on GPUs, as Linux's graphics drivers count it (kernel: drm-usage-stats)."""

from pathlib import Path
from typing import NamedTuple

from kvdesk.monitor.sysfs import text_in

PROC = Path("/proc")
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
# A card's own memory is "vram" for amdgpu, "vram0" for xe and "local0" for i915. amdgpu said "drm-memory-"
# before the kernel agreed on "drm-resident-", and says both now.
_OWN_MEMORY = ("vram", "local")
_HOST_MEMORY = ("gtt",)
_COUNTS = ("drm-resident-", "drm-memory-")


class Held(NamedTuple):
    """What a process holds of a card's own memory, and of the host's through the card."""

    own_bytes: int = 0
    host_bytes: int = 0


def held_memory(pid: int, proc: Path = PROC) -> dict[str, Held]:
    """What a process holds of the memory of each card, by PCI bus id.

    Cards that it has not opened are left out; a process that is gone or another user's has none.
    """
    clients: dict[tuple[str, str], Held] = {}
    for number in _open_cards(proc / str(pid)):
        fields = _fields(text_in(proc / str(pid) / "fdinfo" / number) or "")
        card, client = fields.get("drm-pdev"), fields.get("drm-client-id", "")
        if card and (own := _bytes_of(_OWN_MEMORY, fields)) is not None:
            # A descriptor that was duplicated is the same client.
            clients[card, client] = Held(own, _bytes_of(_HOST_MEMORY, fields) or 0)
    held: dict[str, Held] = {}
    for (card, _), (own, host) in clients.items():
        before = held.get(card, Held())
        held[card] = Held(before.own_bytes + own, before.host_bytes + host)
    return held


def _open_cards(process: Path) -> list[str]:
    """The numbers of the descriptors of graphics cards; the others are not worth reading."""
    found = []
    try:
        for link in (process / "fd").iterdir():
            if link.readlink().parts[:3] == ("/", "dev", "dri"):
                found.append(link.name)
    except OSError:  # the process ends, or a descriptor is closed, while it is looked at
        pass
    return found


def _fields(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in pairs}


def _bytes_of(memory: tuple[str, ...], fields: dict[str, str]) -> int | None:
    for count in _COUNTS:
        sizes = [
            _bytes(value)
            for name, value in fields.items()
            if name.startswith(count) and name.removeprefix(count).rstrip("0123456789") in memory
        ]
        if known := [size for size in sizes if size is not None]:
            return sum(known)
    return None


def _bytes(text: str) -> int | None:
    number, _, unit = text.partition(" ")
    return int(number) * _UNITS[unit] if number.isdigit() and unit in _UNITS else None
