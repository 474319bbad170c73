"""Readings of real devices, from what others recorded and published on them (recorded/README.md)."""

import platform
from pathlib import Path

import pytest

from kvdesk.monitor.amd import AmdProbe
from kvdesk.monitor.drm_clients import Held, held_memory
from kvdesk.monitor.intel import IntelProbe
from kvdesk.monitor.sample import DeviceSample, Throttle
from tests.monitor.fake_linux import add_process, write
from tests.monitor.recordings import add_recorded, client, metrics

KIB, MIB = 1 << 10, 1 << 20
LINUX = platform.release()


class Clock:
    """Tells the time that it is given."""

    now_s = 10.0

    def __call__(self) -> float:
        return self.now_s


def amd(root: Path) -> AmdProbe:
    return AmdProbe(root / "drm", root / "kfd", root / "proc")


def intel(root: Path, clock: Clock | None = None) -> IntelProbe:
    return IntelProbe(root / "drm", root / "proc", clock or Clock())


def test_a_large_radeon_s_memory_is_its_vram_alone(tmp_path: Path):
    add_recorded(tmp_path, "radeon-rx-6900-xt")
    assert amd(tmp_path).read(None) == (
        DeviceSample(
            vendor="amd",
            index=0,
            name="AMD GPU",  # product_name is there and empty
            pci_bus_id="0000:0c:00.0",
            total_bytes=17163091968,
            free_bytes=16494817280,
            used_bytes=668274688,
            power_w=36.0,
            temperature_c=56.0,  # at the edge: junction and memory have their own
            gpu_clock_mhz=500,
            memory_clock_mhz=1000,
            utilisation_percent=3,
            throttle=Throttle(0),
            driver=LINUX,
        ),
    )


def test_a_radeon_of_which_the_processor_sees_a_corner_has_all_its_memory(tmp_path: Path):
    add_recorded(tmp_path, "radeon-rx-580")
    (read,) = amd(tmp_path).read(None)
    assert (read.total_bytes, read.used_bytes) == (4096 * MIB, 512 * MIB)
    assert (read.power_w, read.temperature_c, read.utilisation_percent) == (41.045, 44.0, 11)
    assert (read.gpu_clock_mhz, read.memory_clock_mhz) == (798, 1750)
    assert read.throttle is None  # so old a card has no gpu_metrics


@pytest.mark.parametrize(
    ("name", "total", "used", "power_w", "temperature_c", "clock_mhz"),
    [
        ("radeon-890m", 536870912 + 16441004032, 514580480 + 3946811392, 9.087, 38.0, 848),
        ("radeon-780m", 4294967296 + 31433977856, 1272893440 + 211398656, 3.103, 25.0, 800),
    ],
)
def test_a_processor_s_gpu_goes_on_in_the_host_s_memory(
    tmp_path: Path,
    name: str,
    total: int,
    used: int,
    power_w: float,
    temperature_c: float,
    clock_mhz: int,
):
    add_recorded(tmp_path, name)
    (read,) = amd(tmp_path).read(None)
    assert (read.total_bytes, read.used_bytes, read.free_bytes) == (total, used, total - used)
    assert (read.power_w, read.temperature_c, read.gpu_clock_mhz) == (power_w, temperature_c, clock_mhz)
    assert read.memory_clock_mhz is None
    assert read.throttle is None  # gpu_metrics 2.1 and 3.0 do not say


def test_a_model_on_a_processor_s_gpu_is_the_process_s_though_it_lies_in_the_host_s_memory(tmp_path: Path):
    add_recorded(tmp_path, "radeon-890m")
    llama_server = client("radeon-890m-llama-server", drm_client_id="1", drm_pdev="0000:c1:00.0")
    add_process(tmp_path, 4242, llama_server)
    assert amd(tmp_path).read(4242)[0].process_bytes == (25258000 + 5348) * KIB


def test_amdkfd_s_number_of_a_gpu_is_found_by_its_address(tmp_path: Path):
    add_recorded(tmp_path, "radeon-890m")
    write(tmp_path / "kfd" / "proc" / "4242", vram_59419=3 * MIB)
    assert amd(tmp_path).read(4242)[0].process_bytes == 3 * MIB


def test_what_pinned_memory_a_process_has_through_a_card_is_not_on_the_card(tmp_path: Path):
    device = add_recorded(tmp_path, "radeon-rx-580")
    add_process(tmp_path, 2217, client("amdgpu-desktop", drm_pdev=device.name))
    assert amd(tmp_path).read(2217)[0].process_bytes == 2068 * KIB


def test_a_card_whose_driver_counts_no_memory_is_not_read(tmp_path: Path):
    add_recorded(tmp_path, "radeon-hd-7870")
    assert amd(tmp_path).read(None) == ()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("radeon-rx-7600s", Throttle.HEAT),  # a laptop's, at its hot spot
        ("radeon-rx-7800-xt", Throttle(0)),
        ("radeon-rx-9070", Throttle(0)),
    ],
)
def test_what_slows_radeons_down(tmp_path: Path, name: str, expected: Throttle):
    device = add_recorded(tmp_path, "radeon-rx-6900-xt")
    write(device, gpu_metrics=metrics(name))
    assert amd(tmp_path).read(None)[0].throttle == expected


def test_an_arc_under_i915(tmp_path: Path):
    device = add_recorded(tmp_path, "arc-a380-i915")
    clock = Clock()
    probe = intel(tmp_path, clock)
    assert probe.read(None) == (
        DeviceSample(
            vendor="intel",
            index=0,
            name="Intel GPU",
            pci_bus_id="0000:0b:00.0",
            temperature_c=55.0,
            gpu_clock_mhz=600,
            throttle=Throttle(0),
            driver=LINUX,
        ),
    )
    assert power_after(device, clock, probe, "energy1_input") == 40.0


@pytest.mark.parametrize(
    ("name", "counter", "temperature_c", "clock_mhz"),
    [
        ("arc-a380-xe", "energy2_input", 56.0, 0),  # has the package's energy only
        ("arc-b580-linux-6.16", "energy2_input", 46.0, 400),  # the card's energy stands at 0
        ("arc-b580", "energy1_input", 54.0, 0),  # asleep, with a sensor at every chip of memory
    ],
)
def test_an_arc_under_xe(tmp_path: Path, name: str, counter: str, temperature_c: float, clock_mhz: int):
    device = add_recorded(tmp_path, name)
    clock = Clock()
    probe = intel(tmp_path, clock)
    (read,) = probe.read(None)
    assert (read.temperature_c, read.gpu_clock_mhz) == (temperature_c, clock_mhz)
    assert read.throttle == Throttle(0)
    assert power_after(device, clock, probe, counter) == 40.0


def power_after(device: Path, clock: Clock, probe: IntelProbe, counter: str) -> float | None:
    """The power that is read when this counter alone goes on by 20 J within half a second."""
    (path,) = device.glob(f"hwmon/*/{counter}")
    path.write_text(f"{int(path.read_text()) + 20_000_000}\n")
    clock.now_s += 0.5
    return probe.read(None)[0].power_w


def test_the_gpu_of_an_intel_processor_is_not_read(tmp_path: Path):
    add_recorded(tmp_path, "iris-xe")
    assert intel(tmp_path).read(None) == ()


def test_what_a_process_holds_of_a_card_under_xe(tmp_path: Path):
    add_process(tmp_path, 1, client("xe"))
    assert held_memory(1, tmp_path / "proc") == {"0000:03:00.0": Held(23992 * KIB, 192 * KIB)}
