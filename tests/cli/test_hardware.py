"""Which devices a plan is for, and when llama.cpp is asked about them at all."""

import pytest

from kvdesk.cli import devices as devices_command
from kvdesk.cli import hardware
from kvdesk.cli.fit import kernel_answers
from kvdesk.cli.hardware import choose_devices
from kvdesk.cli.opened import open_for_planning
from kvdesk.engine.protocol import DevicesListed, KernelAnswer, KernelsProbed, ListDevices, ProbeKernels
from kvdesk.errors import OptionError
from kvdesk.memory.report import HOST, Device
from kvdesk.monitor.sample import DeviceSample, HostSample, ProcessUse, Sample, Throttle
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import fit_all
from kvdesk.session.kernels import with_kernels
from kvdesk.units import GIB

CUDA = Device("CUDA0", "gpu", "cuda", 8 * GIB, 7 * GIB, "NVIDIA GeForce RTX 4060")


class Answers:
    """Stands where an engine process would: answers with `CUDA0` and the pairs it has kernels for."""

    def __init__(self, supported=()):
        self.asked = []
        self._supported = set(supported)

    def ask(self, make_command):
        command = make_command(1)
        self.asked.append(command)
        if isinstance(command, ListDevices):
            return DevicesListed(id=1, devices=(CUDA, HOST))
        assert isinstance(command, ProbeKernels)
        pairs = [("f16", "f16"), ("q8_0", "q8_0"), ("iq4_nl", "iq4_nl")]
        answers = [KernelAnswer("CUDA0", k, v, (k, v) in self._supported) for k, v in pairs]
        return KernelsProbed(id=1, answers=tuple(answers))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


@pytest.fixture
def gpu_build(monkeypatch):
    monkeypatch.setattr(hardware, "has_gpu_build", lambda: True)


def test_a_cpu_build_is_planned_for_without_asking(monkeypatch):
    monkeypatch.setattr(hardware, "has_gpu_build", lambda: False)
    asked = Answers()
    _, devices, is_here = choose_devices([], LoadOptions(), asked)
    assert [device.name for device in devices] == ["CPU"]
    assert devices[0].free_bytes > 0
    assert is_here
    assert asked.asked == []


def test_a_gpu_build_is_asked_for_its_devices(gpu_build):
    _, devices, is_here = choose_devices([], LoadOptions(), Answers())
    assert [device.name for device in devices] == ["CUDA0", "CPU"]
    assert devices[-1].free_bytes > 0  # the system's figure, not ggml's
    assert is_here


def test_named_devices_go_into_the_options(gpu_build):
    options, devices, _ = choose_devices(["CUDA0"], LoadOptions(), Answers())
    assert options.device == ("CUDA0",)
    assert len(devices) == 2


def test_no_device_needs_no_question(gpu_build):
    asked = Answers()
    options, devices, _ = choose_devices(["none"], LoadOptions(), asked)
    assert (options.device, [device.name for device in devices], asked.asked) == (("none",), ["CPU"], [])


def test_absent_gpus_are_not_here(gpu_build):
    _, devices, is_here = choose_devices(["RTX 4090"], LoadOptions(), Answers())
    assert ([device.name for device in devices], is_here) == (["RTX 4090", "CPU"], False)


def test_absent_gpus_and_rpc_do_not_mix(gpu_build):
    with pytest.raises(OptionError, match="RPC"):
        choose_devices(["RTX 4090"], LoadOptions(rpc=("a:1",)), Answers())


def kernels(asked, devices, options=LoadOptions()):  # noqa: B008 - frozen
    opened = open_for_planning("demo")
    pairs = [("f16", "f16"), ("q8_0", "q8_0"), ("iq4_nl", "iq4_nl"), ("q4_1", "q5_0")]
    fits = fit_all(opened.shape, options, devices, pairs=pairs)
    answers = kernel_answers(opened, options, devices, asked) if asked else ()
    return [fit.kernel for fit in with_kernels(fits, options, devices, answers)]


def test_the_gpus_kernels_are_what_llama_cpp_says_of_each_pair():
    asked = Answers(supported=[("f16", "f16"), ("q8_0", "q8_0")])
    assert kernels(asked, (CUDA, HOST)) == ["gpu", "gpu", "cpu", "unknown"]
    (command,) = asked.asked
    assert command.head_dims == ((64, 64),)


def test_without_a_gpu_in_use_the_cpu_computes_and_nobody_is_asked():
    asked = Answers()
    assert set(kernels(asked, (HOST,))) == {"cpu"}
    assert set(kernels(asked, (CUDA, HOST), LoadOptions(n_gpu_layers=0))) == {"cpu"}
    assert asked.asked == []


def test_a_gpu_that_is_not_here_is_not_guessed_about():
    assert set(kernels(None, (CUDA, HOST))) == {"unknown"}


def test_devices_join_both_sources_and_name_what_is_not_used(kvdesk, monkeypatch):
    readings = (
        DeviceSample(
            "nvidia",
            0,
            "NVIDIA GeForce RTX 4060",
            total_bytes=8 * GIB,
            free_bytes=6 * GIB,
            throttle=Throttle.POWER | Throttle.HEAT,
            neighbours=(ProcessUse("Xorg", GIB),),
        ),
        DeviceSample("amd", 0, "Radeon", total_bytes=16 * GIB, free_bytes=15 * GIB),
    )
    sample = Sample(0.0, HostSample(total_bytes=32 * GIB, available_bytes=20 * GIB), readings)
    monkeypatch.setattr(devices_command, "read_sensors", lambda: sample)
    monkeypatch.setattr(devices_command, "Asked", Answers)
    found = kvdesk("devices", "--json").object
    cuda, host = found["devices"]
    assert (cuda["name"], cuda["free_bytes"], cuda["vendor"]["name"]) == (
        "CUDA0",
        6 * GIB,
        "NVIDIA GeForce RTX 4060",
    )
    assert cuda["vendor"]["slowed_by"] == ["power limit", "too hot"]
    assert cuda["vendor"]["processes"] == [{"name": "Xorg", "bytes": GIB}]
    assert found["unused"][0]["slowed_by"] is None
    assert (host["name"], host["free_bytes"]) == ("CPU", 20 * GIB)
    assert [reading["name"] for reading in found["unused"]] == ["Radeon"]
    assert "Radeon (amd) is there" in " ".join(kvdesk("devices").out.split())
