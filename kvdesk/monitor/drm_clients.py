"""Reads what one process holds on GPUs, as Linux's graphics drivers count it (kernel: drm-usage-stats)."""

from pathlib import Path

from kvdesk.monitor.sysfs import text_in

PROC = Path("/proc")
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
# A card's own memory is "vram" for amdgpu, "vram0" for xe and "local0" for i915. amdgpu said "drm-memory-"
# before the kernel agreed on "drm-resident-", and says both now.
_OWN_MEMORY = ("vram", "local")
_COUNTS = ("drm-resident-", "drm-memory-")


def held_bytes(pid: int, proc: Path = PROC) -> dict[str, int]:
    """What a process holds of the memory of each card, by PCI bus id.

    Cards that it has not opened are left out; a process that is gone or another user's has none.
    """
    clients: dict[tuple[str, str], int] = {}
    for number in _open_cards(proc / str(pid)):
        fields = _fields(text_in(proc / str(pid) / "fdinfo" / number) or "")
        card, client = fields.get("drm-pdev"), fields.get("drm-client-id", "")
        if card and (size := _own_bytes(fields)) is not None:
            clients[card, client] = size  # a descriptor that was duplicated is the same client
    held: dict[str, int] = {}
    for (card, _), size in clients.items():
        held[card] = held.get(card, 0) + size
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


def _own_bytes(fields: dict[str, str]) -> int | None:
    for count in _COUNTS:
        sizes = [
            _bytes(value)
            for name, value in fields.items()
            if name.startswith(count) and name.removeprefix(count).rstrip("0123456789") in _OWN_MEMORY
        ]
        if known := [size for size in sizes if size is not None]:
            return sum(known)
    return None


def _bytes(text: str) -> int | None:
    number, _, unit = text.partition(" ")
    return int(number) * _UNITS[unit] if number.isdigit() and unit in _UNITS else None
