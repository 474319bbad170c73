"""Budgets: reserves, shares and sizes, and devices whose memory is not known."""

import pytest

from kvdesk.errors import OptionError
from kvdesk.memory.report import Device, Kind
from kvdesk.plan.budget import Amount, Limits, ceilings, parse_amount
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt, fit_all
from kvdesk.units import GIB, MIB
from tests.plan.shapes import CPU, demo_shape, gpu, gpu_for


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("512MiB", Amount(512 * MIB)),
        ("0", Amount(0)),
        ("1.5g", Amount(1536 * MIB)),
        ("10%", Amount(None, 0.1)),
        ("0.8", Amount(None, 0.8)),
        (".5", Amount(None, 0.5)),
        ("100 %", Amount(None, 1.0)),
    ],
)
def test_amounts_are_sizes_or_shares(text, amount):
    assert parse_amount(text) == amount


@pytest.mark.parametrize("text", ["200%", "much", "-1GiB", "", "%"])
def test_other_texts_are_refused(text):
    with pytest.raises(OptionError):
        parse_amount(text)


def test_the_reserve_is_taken_off_every_device():
    limits = ceilings((gpu(mib=8192), CPU), Amount(GIB))
    assert limits == {"CUDA0": 7 * GIB, "CPU": 47 * GIB}


def test_a_reserve_larger_than_the_device_leaves_nothing():
    assert ceilings((gpu(mib=512),), Amount(GIB)) == {"CUDA0": 0}


def test_a_budget_counts_for_gpus_and_never_exceeds_what_is_free():
    devices = (gpu("CUDA0", 8192), gpu("CUDA1", 2048), CPU)
    limits = ceilings(devices, Amount(0), Amount(4 * GIB))
    assert limits == {"CUDA0": 4 * GIB, "CUDA1": 2 * GIB, "CPU": 48 * GIB}
    assert ceilings(devices, Amount(0), Amount(None, 0.5))["CUDA0"] == 4 * GIB


def test_without_a_gpu_the_budget_is_the_hosts():
    assert ceilings((CPU,), Amount(0), Amount(4 * GIB)) == {"CPU": 4 * GIB}


def test_unknown_free_memory_has_no_limit():
    rpc = Device("RPC0", "rpc", "rpc")
    assert ceilings((rpc,), Amount(GIB)) == {"RPC0": None}
    assert ceilings((rpc,), Amount(0), Amount(GIB)) == {"RPC0": GIB}


def test_a_share_for_the_caches_is_of_what_the_rest_leaves():
    limits = Limits({"CUDA0": 1000}, Amount(None, 0.8))
    assert limits.margin("CUDA0", needed_bytes=600, cache_bytes=100) == 0.8 * 500 - 100
    assert limits.margin("CUDA0", needed_bytes=1200, cache_bytes=100) == -200  # the rest alone is too much
    assert limits.margin("CUDA1", 1, 1) is None


def test_bytes_for_the_caches_and_for_everything_both_hold():
    limits = Limits({"CUDA0": 1000}, Amount(300))
    assert limits.margin("CUDA0", needed_bytes=600, cache_bytes=100) == 200
    assert limits.margin("CUDA0", needed_bytes=950, cache_bytes=100) == 50
    assert Limits.of({"CUDA0": 7}) == Limits({"CUDA0": 7})


@pytest.mark.parametrize("amount", [Amount(None, 0.8), Amount(2 * MIB)])
def test_no_pair_takes_more_for_its_caches_than_it_may(amount):
    free = ceilings((gpu_for(LoadOptions(), MIB), CPU), Amount(0))
    limits = Limits(free, amount)
    devices = (gpu(), CPU)
    for fit in fit_all(demo_shape(), LoadOptions(), devices, limits=limits):
        options = LoadOptions(cache_type_k=fit.cache_type_k, cache_type_v=fit.cache_type_v)
        assert fit.max_ctx_size is not None
        for ctx_size, fits in ((fit.max_ctx_size, True), (fit.max_ctx_size + 256, False)):
            report = attempt(demo_shape(), options, devices, limits, ctx_size).report
            caches = report.bytes_of(Kind.K, "CUDA0") + report.bytes_of(Kind.V, "CUDA0")
            rest = report.needed_bytes("CUDA0") - caches
            most = amount.of(free["CUDA0"] - rest) if amount.share else amount.size_bytes
            assert (caches <= most) is fits or (ctx_size > 4096)
