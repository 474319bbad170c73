"""NVIDIA's counters: read when supported, None when not, no GPUs without a driver."""

import pynvml
import pytest

from kvdesk.errors import ProbeUnavailable
from kvdesk.monitor.nvidia import NvidiaProbe
from kvdesk.monitor.sample import DeviceSample
from tests.monitor.fake_nvml import CONTAINED, LAPTOP, SILENT, FakeNvml


def test_every_counter_of_a_laptop():
    (read,) = NvidiaProbe(FakeNvml(LAPTOP)).read(4242)
    assert read == DeviceSample(
        vendor="nvidia",
        index=0,
        name="NVIDIA GeForce RTX 4060 Laptop GPU",
        pci_bus_id="00000000:01:00.0",
        total_bytes=8585740288,
        free_bytes=2361393152,
        used_bytes=6224347136,
        process_bytes=5905580032,
        power_w=67.342,
        temperature_c=78,
        gpu_clock_mhz=2250,
        memory_clock_mhz=8000,
        utilisation_percent=96,
        throttle_reasons=("power limit", "too hot"),
        driver="580.95.05",
    )


def test_several_gpus_keep_their_order_and_bytes_become_text():
    laptop, contained = NvidiaProbe(FakeNvml(LAPTOP, CONTAINED)).read(None)
    assert (laptop.index, contained.index) == (0, 1)
    assert contained.name == "NVIDIA H200"
    assert contained.pci_bus_id == "00000000:9D:00.0"
    assert contained.throttle_reasons == ()  # idle is no reason to worry
    assert contained.gpu_clock_mhz is None


def test_a_process_that_is_not_listed_is_unknown_not_zero():
    (read,) = NvidiaProbe(FakeNvml(CONTAINED)).read(4242)
    assert read.process_bytes is None


def test_without_a_process_none_is_asked_for():
    (read,) = NvidiaProbe(FakeNvml(LAPTOP)).read(None)
    assert read.process_bytes is None


def test_a_gpu_that_tells_nothing_has_only_its_name():
    (read,) = NvidiaProbe(FakeNvml(SILENT)).read(4242)
    assert read == DeviceSample("nvidia", 0, "NVIDIA GeForce GT 710", driver="580.95.05")


def test_without_a_driver_there_are_no_gpus():
    probe = NvidiaProbe(FakeNvml(LAPTOP, has_driver=False))
    assert probe.read(1) == ()
    probe.close()


def test_a_lost_gpu_is_unavailable():
    nvml = FakeNvml(LAPTOP)
    probe = NvidiaProbe(nvml)
    nvml.lost = True
    with pytest.raises(ProbeUnavailable):
        probe.read(None)


def test_closing_lets_go_once():
    nvml = FakeNvml(LAPTOP)
    probe = NvidiaProbe(nvml)
    assert nvml.is_up
    probe.close()
    probe.close()
    assert not nvml.is_up


def test_the_bits_are_nvmls_own():
    for reasons, name in (
        (pynvml.nvmlClocksEventReasonSwPowerCap, "power limit"),
        (pynvml.nvmlClocksEventReasonHwSlowdown, "hardware slowdown"),
        (pynvml.nvmlClocksEventReasonSwThermalSlowdown, "too hot"),
        (pynvml.nvmlClocksEventReasonHwThermalSlowdown, "too hot (hardware)"),
        (pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown, "power brake"),
    ):
        gpu = LAPTOP | {"CurrentClocksThrottleReasons": reasons}
        assert NvidiaProbe(FakeNvml(gpu)).read(None)[0].throttle_reasons == (name,)


def test_the_real_library_is_asked_without_harm():
    probe = NvidiaProbe()
    for sample in probe.read(None):
        assert sample.vendor == "nvidia"
    probe.close()
