"""Reads AMD GPUs from what the Linux driver amdgpu shows in sysfs; elsewhere there are none."""

import platform
from pathlib import Path

from kvdesk.monitor.sample import DeviceSample

SYSFS = Path("/sys/class/drm")
_AMD_VENDOR = "0x1002"


class AmdProbe:
    """All AMD GPUs with memory of their own, in the driver's order."""

    def __init__(self, sysfs: Path = SYSFS) -> None:
        cards = sorted(sysfs.glob("card[0-9]*/device/mem_info_vram_total"))
        devices = [card.parent for card in cards]
        self._devices = [device for device in devices if _read(device / "vendor") == _AMD_VENDOR]

    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        """Read every GPU; the driver does not show cheaply what one process holds."""
        del pid
        return tuple(self._read(index, device) for index, device in enumerate(self._devices))

    def close(self) -> None:
        """Nothing is held."""

    def _read(self, index: int, device: Path) -> DeviceSample:
        total = _number(device / "mem_info_vram_total")
        used = _number(device / "mem_info_vram_used")
        hwmon = next(iter(sorted((device / "hwmon").glob("hwmon*"))), device)
        microwatts = _number(hwmon / "power1_average")
        if microwatts is None:
            microwatts = _number(hwmon / "power1_input")  # what newer kernels call it
        millidegrees = _number(hwmon / "temp1_input")
        hertz = _number(hwmon / "freq1_input")
        memory_hertz = _number(hwmon / "freq2_input")
        return DeviceSample(
            vendor="amd",
            index=index,
            name=_read(device / "product_name") or "AMD GPU",
            pci_bus_id=device.resolve().name,
            total_bytes=total,
            free_bytes=total - used if total is not None and used is not None else None,
            used_bytes=used,
            power_w=microwatts / 1e6 if microwatts is not None else None,
            temperature_c=millidegrees / 1e3 if millidegrees is not None else None,
            gpu_clock_mhz=hertz // 1_000_000 if hertz is not None else None,
            memory_clock_mhz=memory_hertz // 1_000_000 if memory_hertz is not None else None,
            utilisation_percent=_number(device / "gpu_busy_percent"),
            driver=platform.release(),  # amdgpu comes with the kernel
        )


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text and text.lstrip("-").isdigit() else None
