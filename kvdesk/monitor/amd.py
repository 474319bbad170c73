"""Reads AMD GPUs from what the Linux drivers amdgpu and amdkfd show in sysfs; elsewhere there are none."""

import platform
from pathlib import Path

from kvdesk.monitor import drm_clients
from kvdesk.monitor.drm_clients import Held
from kvdesk.monitor.sample import DeviceSample, Throttle
from kvdesk.monitor.sysfs import DRM, cards, first_number, hwmon, number_in, text_in

_VENDOR = "0x1002"
KFD = Path("/sys/class/kfd/kfd")
_APU_VOLTAGE = "vddnb"  # of the northbridge, which amdgpu_pm.c shows for a processor's own GPU alone
# gpu_metrics_v1_3 of cards and v2_2 to v2_4 of processors (kgd_pp_interface.h): where `indep_throttle_status`
# lies, and its bits (amdgpu_smu.h, SMU_THROTTLER_..._BIT).
_THROTTLE_AT = {(1, 3): 112, (2, 2): 120, (2, 3): 120, (2, 4): 120}
_THROTTLE_BITS = (
    (0x0000_0000_0000_00FF, Throttle.POWER),  # PPT0 to SPPT_APU
    (0x0000_0000_00FF_0000, Throttle.CURRENT),  # TDC_GFX to APCC
    (0x0000_FFFF_0000_0000, Throttle.HEAT),  # TEMP_GPU to PROCHOT_GFX
)


class AmdProbe:
    """All AMD GPUs whose memory amdgpu counts, in the driver's order.

    A processor's own GPU has a corner of the host's memory as its VRAM, which may be full from the start, and
    goes on in the rest (GTT). Models lie there, so both count as its memory.
    """

    def __init__(self, drm: Path = DRM, kfd: Path = KFD, proc: Path = drm_clients.PROC) -> None:
        found = (card / "device" for card in cards(drm, _VENDOR))
        self._devices = [device for device in found if (device / "mem_info_vram_total").exists()]
        self._kfd, self._proc = kfd, proc
        self._kfd_ids = _kfd_ids(kfd) if self._devices else {}

    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        """Read every GPU, and what `pid` holds on it."""
        held = drm_clients.held_memory(pid, self._proc) if pid is not None and self._devices else {}
        return tuple(self._read(index, device, pid, held) for index, device in enumerate(self._devices))

    def close(self) -> None:
        """Nothing is held."""

    def _read(self, index: int, device: Path, pid: int | None, held: dict[str, Held]) -> DeviceSample:
        sensors = hwmon(device)
        is_apu = text_in(sensors / "in1_label") == _APU_VOLTAGE
        total, used = (_memory_bytes(device, count, is_apu) for count in ("total", "used"))
        # Some chips tell only the power of now; processors tell both.
        microwatts = first_number(sensors / "power1_average", sensors / "power1_input")
        millidegrees = number_in(sensors / "temp1_input")
        hertz = number_in(sensors / "freq1_input")
        memory_hertz = number_in(sensors / "freq2_input")
        address = device.resolve().name
        return DeviceSample(
            vendor="amd",
            index=index,
            name=text_in(device / "product_name") or "AMD GPU",
            pci_bus_id=address,
            total_bytes=total,
            free_bytes=total - used if total is not None and used is not None else None,
            used_bytes=used,
            process_bytes=_larger(_held_bytes(held.get(address), is_apu), self._kfd_bytes(pid, address)),
            power_w=microwatts / 1e6 if microwatts is not None else None,
            temperature_c=millidegrees / 1e3 if millidegrees is not None else None,
            gpu_clock_mhz=hertz // 1_000_000 if hertz is not None else None,
            memory_clock_mhz=memory_hertz // 1_000_000 if memory_hertz is not None else None,
            utilisation_percent=number_in(device / "gpu_busy_percent"),
            throttle=_throttle(device / "gpu_metrics"),
            driver=platform.release(),  # amdgpu comes with the kernel
        )

    def _kfd_bytes(self, pid: int | None, address: str) -> int | None:
        """What HIP allocated for a process; amdgpu itself counts it on newer kernels only."""
        number = self._kfd_ids.get(address)
        if pid is None or number is None:
            return None
        return number_in(self._kfd / "proc" / str(pid) / f"vram_{number}")


def _memory_bytes(device: Path, count: str, is_apu: bool) -> int | None:
    """The "total" or what is "used" of a GPU's memory."""
    vram = number_in(device / f"mem_info_vram_{count}")
    gtt = number_in(device / f"mem_info_gtt_{count}") if is_apu else 0
    return vram + gtt if vram is not None and gtt is not None else None


def _held_bytes(held: Held | None, is_apu: bool) -> int | None:
    if held is None:
        return None
    return held.own_bytes + (held.host_bytes if is_apu else 0)


def _larger(one: int | None, other: int | None) -> int | None:
    return max((size for size in (one, other) if size is not None), default=None)


def _kfd_ids(kfd: Path) -> dict[str, str]:
    """amdkfd's numbers of the GPUs by PCI bus id."""
    found = {}
    for node in (kfd / "topology" / "nodes").glob("*"):
        number = text_in(node / "gpu_id")
        lines = (line.split() for line in (text_in(node / "properties") or "").splitlines())
        properties = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
        place = properties.get("location_id")
        if number and number != "0" and place is not None:  # 0 is the processor's
            domain = properties.get("domain", 0)
            found[f"{domain:04x}:{place >> 8 & 0xFF:02x}:{place >> 3 & 0x1F:02x}.{place & 7}"] = number
    return found


def _throttle(metrics: Path) -> Throttle | None:
    """Why the clocks are held down, from the driver's binary table; None where it has another form."""
    try:
        table = metrics.read_bytes()
    except OSError:
        return None
    place = _THROTTLE_AT.get((table[2], table[3])) if len(table) >= 4 else None
    if place is None or len(table) < place + 8:
        return None
    bits = int.from_bytes(table[place : place + 8], "little")
    if bits == 0xFFFF_FFFF_FFFF_FFFF:  # what the driver writes where the chip does not tell
        return None
    return Throttle(sum(reason for mask, reason in _THROTTLE_BITS if bits & mask))
