"""GPUs that are not here are found by part of their name, and never guessed."""

import pytest

from kvdesk.errors import OptionError
from kvdesk.plan.gpus import find_gpu, load_gpus, planned_devices
from kvdesk.units import GIB

GPUS = load_gpus()


def test_the_table_is_sound():
    assert len({gpu.name for gpu in GPUS}) == len(GPUS)
    for gpu in GPUS:
        assert 4 * GIB <= gpu.memory_bytes <= 1024 * GIB
        assert 0 < gpu.usable_bytes <= gpu.memory_bytes
        assert 60 <= gpu.bandwidth_gb_s <= 10_000


@pytest.mark.parametrize("gpu", GPUS, ids=lambda gpu: gpu.name)
def test_every_row_is_found_by_its_own_name(gpu):
    assert find_gpu(gpu.name, GPUS) == gpu
    assert find_gpu(gpu.name.upper().replace("GB", " GB"), GPUS) == gpu


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("RTX 4060 Laptop", "NVIDIA GeForce RTX 4060 Laptop"),
        ("rtx 4060", "NVIDIA GeForce RTX 4060"),
        ("NVIDIA GeForce RTX 4070 Laptop GPU", "NVIDIA GeForce RTX 4070 Laptop"),
        ("4060 ti 16gb", "NVIDIA GeForce RTX 4060 Ti 16GB"),
        ("7900 xtx", "AMD Radeon RX 7900 XTX"),
        ("M4 Max 64GB", "Apple M4 Max 64GB"),
    ],
)
def test_part_of_a_name_is_enough(text, name):
    assert find_gpu(text, GPUS).name == name


@pytest.mark.parametrize(
    ("text", "listed"),
    [("4060 Ti", "4060 Ti 8GB"), ("M4 Max", "M4 Max 36GB"), ("RTX 4065", "4060"), ("banana", "gpu0=8GiB")],
)
def test_what_is_not_one_gpu_is_refused_with_candidates(text, listed):
    with pytest.raises(OptionError) as caught:
        find_gpu(text, GPUS)
    assert listed in caught.value.hint


def test_apple_machines_give_the_gpu_a_part():
    assert find_gpu("M4 16GB", GPUS).usable_bytes == 16 * GIB * 2 // 3
    assert find_gpu("M4 Max 64GB", GPUS).usable_bytes == 48 * GIB


@pytest.mark.parametrize(
    ("values", "absent", "named"),
    [
        ([], [], ()),
        (["gpu0=8GiB"], [("gpu0", "cuda", 8)], ()),
        (["RTX 4090", "RTX 4090"], [("RTX 4090 #1", "cuda", 24), ("RTX 4090 #2", "cuda", 24)], ()),
        (["M4 Max 64GB"], [("M4 Max 64GB", "metal", 48)], ()),
        (["Vulkan0=4GiB"], [("Vulkan0", "vulkan", 4)], ()),
        (["7900 XTX=20GiB"], [("7900 XTX", "rocm", 20)], ()),
        (["CUDA0,CUDA1"], [], ("CUDA0", "CUDA1")),
        (["CUDA0", "RPC0[127.0.0.1:50052]"], [], ("CUDA0", "RPC0[127.0.0.1:50052]")),
        (["none"], [], ("none",)),
    ],
)
def test_device_values_are_names_here_or_gpus_elsewhere(values, absent, named):
    found, names = planned_devices(values)
    assert [(gpu.name, gpu.backend, gpu.free_bytes // GIB) for gpu in found] == absent
    assert names == named


def test_both_at_once_are_refused():
    with pytest.raises(OptionError, match="mixed"):
        planned_devices(["CUDA0", "gpu1=8GiB"])
