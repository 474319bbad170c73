"""What is kept from llama.cpp, and what is left to it."""

import pytest

from kvdesk.memory.report import Device, Item, Kind, MemoryReport, Refusal
from kvdesk.session.obstacles import against_load
from kvdesk.units import GIB

HOST = Device("CPU", "cpu", "cpu", total_bytes=16 * GIB, free_bytes=8 * GIB)
GPU = Device("CUDA0", "gpu", "cuda", total_bytes=8 * GIB, free_bytes=2 * GIB)


def report(device: str, size_bytes: int, is_reclaimable: bool = False) -> MemoryReport:
    item = Item(Kind.WEIGHTS, device, size_bytes, "exact", "", is_reclaimable)
    return MemoryReport("estimate", (item,), (GPU, HOST))


@pytest.mark.parametrize(
    ("device", "size_bytes", "is_reclaimable", "may_load"),
    [
        ("CPU", 8 * GIB, False, True),
        ("CPU", 8 * GIB + 1, False, False),
        ("CPU", 100 * GIB, True, True),  # mapped weights may exceed memory: slow, harmless
        ("CUDA0", 3 * GIB, False, True),  # more than is free: the driver will say so itself
        ("CUDA0", 8 * GIB + 1, False, False),
    ],
)
def test_what_fits_nowhere_is_not_loaded(device: str, size_bytes: int, is_reclaimable: bool, may_load: bool):
    found = against_load(report(device, size_bytes, is_reclaimable), (), (GPU, HOST), 4096)
    assert (found is None) == may_load
    if found is not None:
        assert device in found.message
        assert "4,096" in found.hint


def test_where_nothing_fits_the_way_out_is_another():
    found = against_load(report("CPU", 9 * GIB), (), (HOST,), None)
    assert found is not None
    assert "smaller model" in found.hint


def test_unknown_memory_is_no_obstacle():
    assert against_load(report("CPU", 9 * GIB), (), (Device("CPU", "cpu", "cpu"),), None) is None
    assert against_load(None, (), (HOST,), None) is None


def test_a_refusal_is_an_obstacle_and_a_warning_is_none():
    refused = Refusal("cache_type_v", "V needs flash attention.", "Turn it on.")
    warned = Refusal("ctx_size", "Beyond the trained context.", "Less.", is_warning=True)
    found = against_load(report("CPU", 1), (warned, refused), (HOST,), 4096)
    assert found is not None
    assert (found.message, found.hint) == (refused.message, refused.hint)
    assert against_load(report("CPU", 1), (warned,), (HOST,), 4096) is None
