"""The least that must go to the CPU: with it the context fits, with one layer less it does not."""

import msgspec
import pytest

from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.offload import fewest_on_cpu, offloads
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt, fit_all
from kvdesk.units import MIB
from tests.memory.records import kinds
from tests.plan.shapes import CPU, demo_shape, gpu, gpu_for

WANTED = LoadOptions(ctx_size=4096)


def tight(spare_mib=-4):
    devices = (gpu_for(WANTED, spare_mib * MIB), CPU)
    return devices, ceilings(devices, Amount(0))


def test_one_layer_less_on_the_cpu_does_not_fit():
    devices, limits = tight()
    (found,) = offloads(demo_shape(), WANTED, devices, limits)
    assert found.option == "n_gpu_layers"
    assert found.layers >= 1

    def margin(n_gpu_layers):
        options = msgspec.structs.replace(WANTED, n_gpu_layers=n_gpu_layers)
        return attempt(demo_shape(), options, devices, limits, 4096).margin_bytes

    assert margin(found.value) >= 0 > margin(found.value + 1)
    assert attempt(demo_shape(), found.applied(WANTED), devices, limits, 4096).margin_bytes >= 0


@pytest.mark.parametrize("devices", [(CPU,), tight(64)[0]], ids=["no GPU", "room enough"])
def test_nothing_to_move(devices):
    assert list(offloads(demo_shape(), WANTED, devices, ceilings(devices, Amount(0)))) == []


def test_of_the_pairs_that_hardly_change_answers_the_one_that_moves_least():
    devices, limits = tight()
    fits = fit_all(demo_shape(), WANTED, devices, limits=limits)
    found = fewest_on_cpu(demo_shape(), WANTED, devices, limits, fits, 4096)
    least = []
    for pair in ("f16", "q8_0"):
        options = msgspec.structs.replace(WANTED, cache_type_k=pair, cache_type_v=pair)
        least += [each.layers for each in offloads(demo_shape(), options, devices, limits)]
    assert found.layers == min(least)


def test_of_a_mixture_experts_are_moved_before_layers():
    shape = kinds()["mixtral"].shape
    devices = (gpu(), CPU)
    needed = attempt(shape, LoadOptions(ctx_size=512), devices, {}, 512).report.needed_bytes("CUDA0")
    limits = {"CUDA0": needed - 1024}
    found = list(offloads(shape, LoadOptions(ctx_size=512), devices, limits))
    assert [each.option for each in found] == ["n_cpu_moe", "n_gpu_layers"]
    assert found[0].value >= 1
    best = fit_all(shape, LoadOptions(), devices, limits=limits, pairs=(("f16", "f16"),))
    assert fewest_on_cpu(shape, LoadOptions(), devices, limits, best, 512).option == "n_cpu_moe"
