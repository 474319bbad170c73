"""AMD's counters, from a copy of what the drivers show."""

import platform
from pathlib import Path

import pytest

from kvdesk.monitor.amd import AmdProbe
from kvdesk.monitor.sample import DeviceSample, Throttle
from tests.monitor.fake_linux import AMDGPU, add_card, add_process, write

MIB = 1 << 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Radeon beside an Intel card, and a process on it as amdgpu and amdkfd see it."""
    add_card(tmp_path, 0, "0000:00:02.0", vendor="0x8086")
    add_card(
        tmp_path,
        1,
        "0000:03:00.0",
        vendor="0x1002",
        mem_info_vram_total=17163091968,
        mem_info_vram_used=1163091968,
        gpu_busy_percent=37,
        product_name="AMD Radeon RX 7800 XT",
        hwmon__hwmon4__power1_average=211000000,
        hwmon__hwmon4__temp1_input=64000,
        hwmon__hwmon4__freq1_input=2430000000,
        hwmon__hwmon4__freq2_input=1218000000,
        gpu_metrics=metrics(0x21 | 1 << 35),
    )
    add_process(tmp_path, 4242, AMDGPU.format(client=5, vram_kib=4096))
    write(
        tmp_path / "kfd" / "topology" / "nodes" / "0",
        gpu_id=0,
        properties="cpu_cores_count 16\nlocation_id 0",
    )
    write(
        tmp_path / "kfd" / "topology" / "nodes" / "1",
        gpu_id=30381,
        properties="simd_count 120\nlocation_id 768\ndomain 0",
    )
    return tmp_path


def metrics(throttle: int, revision: int = 3) -> bytes:
    """gpu_metrics_v1_3: its header, and `indep_throttle_status` at its end."""
    return bytes([120, 0, 1, revision]) + bytes(108) + throttle.to_bytes(8, "little")


def metrics_of_a_processor(throttle: int, revision: int) -> bytes:
    """gpu_metrics_v2_2 and later: `indep_throttle_status` behind the fields of 2.1, then more."""
    return bytes([168, 0, 2, revision]) + bytes(116) + throttle.to_bytes(8, "little") + bytes(40)


def probe(root: Path) -> AmdProbe:
    return AmdProbe(root / "drm", root / "kfd", root / "proc")


def test_every_counter(root: Path):
    assert probe(root).read(4242) == (
        DeviceSample(
            vendor="amd",
            index=0,
            name="AMD Radeon RX 7800 XT",
            pci_bus_id="0000:03:00.0",
            total_bytes=17163091968,
            free_bytes=16000000000,
            used_bytes=1163091968,
            process_bytes=4 * MIB,
            power_w=211.0,
            temperature_c=64.0,
            gpu_clock_mhz=2430,
            memory_clock_mhz=1218,
            utilisation_percent=37,
            throttle=Throttle.POWER | Throttle.HEAT,
            driver=platform.release(),
        ),
    )


def test_hip_s_share_is_amdkfd_s_where_amdgpu_does_not_count_it(root: Path):
    write(root / "kfd" / "proc" / "4242", vram_30381=1610571776)
    assert probe(root).read(4242)[0].process_bytes == 1610571776
    write(root / "kfd" / "proc" / "4242", vram_30381=0)
    assert probe(root).read(4242)[0].process_bytes == 4 * MIB


def test_a_process_that_is_not_on_it_is_unknown_not_zero(root: Path):
    assert probe(root).read(1)[0].process_bytes is None
    assert probe(root).read(None)[0].process_bytes is None


def test_newer_kernels_call_the_power_otherwise(root: Path):
    sensors = root / "devices" / "0000:03:00.0" / "hwmon" / "hwmon4"
    (sensors / "power1_average").rename(sensors / "power1_input")
    assert probe(root).read(None)[0].power_w == 211.0


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (metrics(0), Throttle(0)),
        (metrics(1 << 17), Throttle.CURRENT),
        (metrics(0xFFFF_FFFF_FFFF_FFFF), None),
        (metrics(1, revision=1), None),
        (metrics_of_a_processor(1 << 32, revision=2), Throttle.HEAT),
        (metrics_of_a_processor(1 << 32, revision=4), Throttle.HEAT),
        (metrics_of_a_processor(1 << 32, revision=1), None),
        (metrics(1)[:60], None),
        (b"", None),
    ],
)
def test_what_slows_it_down(root: Path, table: bytes, expected: Throttle | None):
    (root / "devices" / "0000:03:00.0" / "gpu_metrics").write_bytes(table)
    assert probe(root).read(None)[0].throttle == expected


@pytest.mark.parametrize("text", ["", "N/A\n", "\xff"])
def test_a_counter_that_cannot_be_read_is_none(root: Path, text: str):
    device = root / "devices" / "0000:03:00.0"
    (device / "mem_info_vram_used").write_bytes(text.encode("latin-1"))
    (device / "hwmon" / "hwmon4" / "temp1_input").unlink()
    (device / "gpu_metrics").unlink()
    (read,) = probe(root).read(None)
    assert read.used_bytes is None
    assert read.free_bytes is None
    assert read.temperature_c is None
    assert read.throttle is None
    assert read.total_bytes == 17163091968


def test_without_the_driver_there_are_no_gpus(tmp_path: Path):
    assert probe(tmp_path / "absent").read(1) == ()
