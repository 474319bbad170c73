"""NVIDIA's counters: read when supported, None when not, no GPUs without a driver."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pynvml
import pytest

from kvdesk.errors import ProbeUnavailable
from kvdesk.monitor.nvidia import NvidiaProbe, process_name
from kvdesk.monitor.sample import DeviceSample, ProcessUse, Throttle
from tests.monitor.fake_nvml import CONTAINED, LAPTOP, SILENT, FakeNvml


def test_every_counter_of_a_laptop():
    (read,) = NvidiaProbe(FakeNvml(LAPTOP), {900: "Xorg"}.__getitem__).read(4242)
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
        throttle=Throttle.POWER | Throttle.HEAT,
        neighbours=(ProcessUse("Xorg", 104857600),),
        driver="580.95.05",
    )


def test_several_gpus_keep_their_order_and_bytes_become_text():
    laptop, contained = NvidiaProbe(FakeNvml(LAPTOP, CONTAINED)).read(None)
    assert (laptop.index, contained.index) == (0, 1)
    assert contained.name == "NVIDIA H200"
    assert contained.pci_bus_id == "00000000:9D:00.0"
    assert contained.throttle == Throttle(0)  # idle is no reason to worry
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
    for reasons, expected in (
        (pynvml.nvmlClocksEventReasonSwPowerCap, Throttle.POWER),
        (pynvml.nvmlClocksEventReasonHwSlowdown, Throttle.HARDWARE),
        (pynvml.nvmlClocksEventReasonSwThermalSlowdown, Throttle.HEAT),
        (pynvml.nvmlClocksEventReasonHwThermalSlowdown, Throttle.HEAT),
        (pynvml.nvmlClocksEventReasonHwPowerBrakeSlowdown, Throttle.POWER),
    ):
        gpu = LAPTOP | {"CurrentClocksThrottleReasons": reasons}
        assert NvidiaProbe(FakeNvml(gpu)).read(None)[0].throttle == expected


def test_the_neighbours_are_the_others_each_once_the_largest_first():
    gpu = LAPTOP | {
        "ComputeRunningProcesses": [
            SimpleNamespace(pid=900, usedGpuMemory=1 << 20),
            SimpleNamespace(pid=4242, usedGpuMemory=5 << 30),
            SimpleNamespace(pid=77, usedGpuMemory=None),
        ],
        "GraphicsRunningProcesses": [
            SimpleNamespace(pid=900, usedGpuMemory=1 << 20),
            SimpleNamespace(pid=901, usedGpuMemory=1 << 30),
        ],
    }
    (read,) = NvidiaProbe(FakeNvml(gpu), str).read(4242)
    assert read.process_bytes == 5 << 30
    assert read.neighbours == (ProcessUse("901", 1 << 30), ProcessUse("900", 1 << 20))


def test_a_process_has_its_name_or_its_number():
    assert process_name(os.getpid()) == psutil.Process().name()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    assert process_name(process.pid) == str(process.pid)


def test_the_real_library_is_asked_without_harm():
    probe = NvidiaProbe()
    for sample in probe.read(None):
        assert sample.vendor == "nvidia"
    probe.close()
