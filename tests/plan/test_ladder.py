"""The steps up from a loaded context."""

import msgspec
import pytest

from kvdesk.memory.estimate import estimate
from kvdesk.memory.report import Kind
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.configure import configure
from kvdesk.plan.ladder import CELL_BYTES, DEFAULT_SETUP_S, DEFAULT_SPEEDS, ladder, rung, state_bytes_of
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.paces import Paces, copy_key
from kvdesk.plan.solve import fit_pair
from tests.plan.shapes import CPU, demo_shape, gpu_for

NOTHING_MEASURED = Paces()
NOW = LoadOptions(ctx_size=1024)


def steps(options=NOW, devices=(CPU,), held=900, paces=NOTHING_MEASURED):
    return ladder(demo_shape(), options, devices, ceilings(devices, Amount(0)), held, paces)


def test_with_room_the_same_types_come_first_doubled_and_then_whole():
    first, second, *others = steps()
    assert [(each.pair, each.ctx_size) for each in (first, second)] == [
        (("f16", "f16"), 2048),
        (("f16", "f16"), demo_shape().n_ctx_train),
    ]
    assert others[0].pair == ("q8_0", "q8_0")
    assert all(each.ctx_size > NOW.ctx_size and each.margin_bytes >= 0 for each in (first, second, *others))
    assert first.route == "device"


def test_without_room_for_the_same_types_smaller_ones_are_offered():
    devices = (gpu_for(NOW), CPU)  # full: not one cell more in f16
    found = steps(devices=devices)
    assert found[0].pair == ("q8_0", "q8_0")
    assert found[0].ctx_size > NOW.ctx_size
    assert all(each.pair != ("f16", "f16") for each in found)
    for each in found:
        largest = fit_pair(demo_shape(), each.options, devices).max_ctx_size
        assert each.ctx_size <= largest


def test_every_step_takes_what_an_estimate_says():
    before = estimate(demo_shape(), configure(NOW, demo_shape(), (CPU,))).bytes_of()
    for each in steps():
        after = estimate(demo_shape(), configure(each.options, demo_shape(), (CPU,))).bytes_of()
        assert each.extra_bytes == after - before


def test_what_does_not_fit_twice_goes_through_memory_and_what_fits_nowhere_through_the_disk():
    wider = msgspec.structs.replace(NOW, ctx_size=2048)
    gpu = gpu_for(wider)
    assert steps(devices=(gpu, CPU))[0].route == "memory"
    needed = estimate(demo_shape(), configure(wider, demo_shape(), (gpu, CPU))).needed_bytes("CPU")
    host = msgspec.structs.replace(CPU, free_bytes=needed)
    assert steps(devices=(gpu, host))[0].route == "disk"
    roomy = msgspec.structs.replace(gpu, free_bytes=gpu.free_bytes * 2)
    assert steps(devices=(roomy, CPU))[0].route == "device"


def test_at_the_end_of_training_there_is_no_step_up():
    assert steps(msgspec.structs.replace(NOW, ctx_size=demo_shape().n_ctx_train)) == ()


def test_the_time_follows_what_this_machine_has_shown():
    first = steps()[0]
    assert (first.seconds, first.is_measured) == (
        pytest.approx(DEFAULT_SETUP_S + first.state_bytes / DEFAULT_SPEEDS["device", "copied"]),
        False,
    )
    shown = steps(paces=Paces(copies={copy_key((CPU,), "device", "copied"): 1e6}, setup_s=0.1))[0]
    assert (shown.seconds, shown.is_measured) == (pytest.approx(0.1 + first.state_bytes / 1e6), True)


def test_a_conversation_takes_its_share_of_the_cache():
    full = estimate(demo_shape(), configure(NOW, demo_shape(), (CPU,)))
    cache = full.bytes_of(Kind.K) + full.bytes_of(Kind.V)
    assert state_bytes_of(demo_shape(), NOW, (CPU,), 1024) == cache + 1024 * CELL_BYTES
    assert state_bytes_of(demo_shape(), NOW, (CPU,), 512) == cache // 2 + 512 * CELL_BYTES
    assert state_bytes_of(demo_shape(), NOW, (CPU,), 0) == 0


def test_a_step_that_does_not_fit_says_what_is_lacking():
    gpu = gpu_for(NOW)
    devices = (gpu, CPU)
    found = rung(demo_shape(), NOW, devices, ceilings(devices, Amount(0)), 100, ctx_size=4096)
    assert found.margin_bytes < 0
    assert "are lacking" in found.cost
    assert rung(demo_shape(), NOW, devices, ceilings(devices, Amount(0)), 1, device=("CUDA7",)) is None


def test_a_step_down_frees_memory():
    found = rung(demo_shape(), NOW, (CPU,), ceilings((CPU,), Amount(0)), 100, ctx_size=512)
    assert found.extra_bytes < 0
    assert "frees" in found.cost
