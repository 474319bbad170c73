"""AMD's counters, from a copy of what the driver shows."""

import platform
from pathlib import Path

import pytest

from kvdesk.monitor.amd import AmdProbe
from kvdesk.monitor.sample import DeviceSample


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A Radeon, an Intel card without memory of its own, and a connector."""
    radeon = tmp_path / "devices" / "0000:03:00.0"
    (radeon / "hwmon" / "hwmon4").mkdir(parents=True)
    for name, text in {
        "vendor": "0x1002\n",
        "mem_info_vram_total": "17163091968\n",
        "mem_info_vram_used": "1163091968\n",
        "gpu_busy_percent": "37\n",
        "product_name": "AMD Radeon RX 7800 XT\n",
        "hwmon/hwmon4/power1_average": "211000000\n",
        "hwmon/hwmon4/temp1_input": "64000\n",
        "hwmon/hwmon4/freq1_input": "2430000000\n",
        "hwmon/hwmon4/freq2_input": "1218000000\n",
    }.items():
        (radeon / name).write_text(text)
    intel = tmp_path / "devices" / "0000:00:02.0"
    intel.mkdir()
    (intel / "vendor").write_text("0x8086\n")
    drm = tmp_path / "drm"
    for name, device in (("card0", intel), ("card1", radeon)):
        (drm / name).mkdir(parents=True)
        (drm / name / "device").symlink_to(device)
    (drm / "card1-DP-1").mkdir()
    return drm


def test_every_counter(sysfs: Path):
    assert AmdProbe(sysfs).read(None) == (
        DeviceSample(
            vendor="amd",
            index=0,
            name="AMD Radeon RX 7800 XT",
            pci_bus_id="0000:03:00.0",
            total_bytes=17163091968,
            free_bytes=16000000000,
            used_bytes=1163091968,
            power_w=211.0,
            temperature_c=64.0,
            gpu_clock_mhz=2430,
            memory_clock_mhz=1218,
            utilisation_percent=37,
            driver=platform.release(),
        ),
    )


def test_newer_kernels_call_the_power_otherwise(sysfs: Path):
    hwmon = sysfs / "card1" / "device" / "hwmon" / "hwmon4"
    (hwmon / "power1_average").rename(hwmon / "power1_input")
    assert AmdProbe(sysfs).read(None)[0].power_w == 211.0


@pytest.mark.parametrize("text", ["", "N/A\n", "\xff"])
def test_a_counter_that_cannot_be_read_is_none(sysfs: Path, text: str):
    (sysfs / "card1" / "device" / "mem_info_vram_used").write_bytes(text.encode("latin-1"))
    (sysfs / "card1" / "device" / "hwmon" / "hwmon4" / "temp1_input").unlink()
    (read,) = AmdProbe(sysfs).read(None)
    assert read.used_bytes is None
    assert read.free_bytes is None
    assert read.temperature_c is None
    assert read.total_bytes == 17163091968


def test_without_the_driver_there_are_no_gpus(tmp_path: Path):
    assert AmdProbe(tmp_path / "absent").read(None) == ()
