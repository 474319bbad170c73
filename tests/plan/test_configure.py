"""Options become llama.cpp's configuration on the devices that were meant."""

import pytest

from kvdesk.errors import OptionError
from kvdesk.memory.report import HOST, Device
from kvdesk.plan.configure import chosen_devices, configure, normalised_options
from kvdesk.plan.options import LoadOptions
from tests.plan.shapes import CPU, demo_shape, gpu

TWO = (gpu("CUDA0"), gpu("CUDA1"), CPU)


@pytest.mark.parametrize(
    ("options", "devices", "names"),
    [
        (LoadOptions(), TWO, ["CUDA0", "CUDA1", "CPU"]),
        (LoadOptions(device=("CUDA1",)), TWO, ["CUDA1", "CPU"]),
        (LoadOptions(device=("CUDA1", "CUDA0")), TWO, ["CUDA1", "CUDA0", "CPU"]),
        (LoadOptions(device=("none",)), TWO, ["CPU"]),
        (LoadOptions(), (), ["CPU"]),
        (LoadOptions(rpc=("a:1", "b:2")), TWO, ["RPC0", "RPC1", "CUDA0", "CUDA1", "CPU"]),
        (LoadOptions(rpc=("a:1",)), (Device("RPC0", "rpc", "rpc"), CPU), ["RPC0", "CPU"]),
    ],
)
def test_devices_are_those_named_and_the_host_is_last(options, devices, names):
    assert [device.name for device in chosen_devices(options, devices)] == names


def test_a_device_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(OptionError) as caught:
        chosen_devices(LoadOptions(device=("CUDA7",)), TWO)
    assert "CUDA7" in caught.value.message
    assert "CUDA0, CUDA1" in caught.value.hint


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        # as llama.cpp answers: batch and ubatch are clamped before the context is padded
        ({"ctx_size": 300}, {"ctx_size": 512, "batch_size": 300, "ubatch_size": 300}),
        ({"ctx_size": 1000}, {"ctx_size": 1024, "batch_size": 1000, "ubatch_size": 512}),
        ({"ctx_size": 0}, {"ctx_size": 4096, "batch_size": 2048}),
        ({"ctx_size": 8192, "parallel": 3}, {"ctx_size": 8448, "n_outputs_max": 3}),
        ({"ctx_size": 8192, "parallel": 3, "kv_unified": True}, {"ctx_size": 8192}),
        ({"n_outputs_max": 0, "ctx_size": 1000}, {"n_outputs_max": 1000}),
        ({"cache_type_v": "q8_0"}, {"flash_attn": "on"}),
        ({}, {"n_gpu_layers": 6, "flash_attn": "auto", "n_outputs_max": 1}),
    ],
)
def test_options_come_back_as_llama_cpp_takes_them(asked, got):
    options = LoadOptions(**asked)
    normalised = normalised_options(options, configure(options, demo_shape(), (HOST,)))
    assert {name: getattr(normalised, name) for name in got} == got
