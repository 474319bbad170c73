"""Budgets: reserves, shares and sizes, and devices whose memory is not known."""

import pytest

from kvdesk.errors import OptionError
from kvdesk.memory.report import Device
from kvdesk.plan.budget import Amount, ceilings, parse_amount
from kvdesk.units import GIB, MIB
from tests.plan.shapes import CPU, gpu


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
