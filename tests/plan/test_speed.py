"""What a token reads, how long that takes, and what answers on this machine have shown."""

from dataclasses import replace

import msgspec
import pytest

from kvdesk.memory.report import Kind
from kvdesk.plan.configure import configure
from kvdesk.plan.load_record import DecodeAccount
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.solve import attempt, fit_all
from kvdesk.plan.speed import Bandwidth, bandwidths, decode_account, speed_of, token_reads, with_speeds
from tests.plan.shapes import CPU, demo_shape, gpu
from tests.plan.test_ledger import a_load

HERE = msgspec.structs.replace(gpu(), description="NVIDIA GeForce RTX 4060 Laptop GPU")
DEVICES = (HERE, CPU)


def reads(**options):
    chosen = LoadOptions(ctx_size=2048, **options)
    return token_reads(demo_shape(), configure(chosen, demo_shape(), DEVICES)), chosen


def test_a_token_reads_matrices_and_cache_but_one_row_of_the_embedding():
    found, options = reads()
    report = attempt(demo_shape(), options, DEVICES, {}, 2048).report
    caches = report.bytes_of(Kind.K) + report.bytes_of(Kind.V)
    weights = report.bytes_of(Kind.WEIGHTS, "CUDA0")  # with the embedding once, as output
    assert found == {"CUDA0": weights + caches}


def test_layers_on_the_cpu_are_read_there():
    everything, _ = reads()
    split, _ = reads(n_gpu_layers=3)
    assert set(split) == {"CUDA0", "CPU"}
    assert sum(split.values()) == everything["CUDA0"]


def test_the_makers_bandwidth_is_an_upper_limit():
    known = bandwidths(DEVICES)
    assert set(known) == {"CUDA0"}  # nobody publishes that of a computer's memory
    assert known["CUDA0"].source == "specification"
    found = speed_of(demo_shape(), LoadOptions(), DEVICES, known, 2048)
    total = reads()[0]["CUDA0"]
    assert found.tokens_per_s == pytest.approx(known["CUDA0"].bytes_per_s / total)
    assert (found.ctx_size, found.source) == (2048, "specification")


def test_where_a_device_that_is_read_is_not_known_nothing_is_claimed():
    known = bandwidths(DEVICES)
    assert speed_of(demo_shape(), LoadOptions(n_gpu_layers=3), DEVICES, known, 2048) is None
    assert bandwidths((msgspec.structs.replace(HERE, description="Some GPU"),)) == {}


def measured(tokens_per_s, read, library="0.3.36"):
    account = DecodeAccount(tokens_per_s, 100, read)
    return a_load(str(tokens_per_s), decode=account, library=library)


def as_in(record):
    """The device that the record is about."""
    account = record.devices[0]
    return msgspec.structs.replace(
        gpu(account.name), description=account.description, backend=account.backend, driver=account.driver
    )


def test_answers_on_this_machine_replace_the_makers_figure():
    records = [measured(10.0, {"CUDA0": 4_000}), measured(20.0, {"CUDA0": 5_000})]
    device = as_in(records[0])
    assert bandwidths([device], records, "0.3.36") == {"CUDA0": Bandwidth(100_000.0, "measured")}
    assert bandwidths([device], records, "0.4.0") == {}


def test_an_answer_of_two_devices_tells_of_neither():
    records = [measured(10.0, {"CUDA0": 4_000, "CPU": 1_000})]
    device = as_in(records[0])
    assert bandwidths([device], records, "0.3.36") == {}


def test_what_an_answer_tells():
    told = decode_account(demo_shape(), LoadOptions(), DEVICES, 100, 2.0, 2048)
    assert (told.tokens_per_s, told.depth_tokens, told.read_bytes) == (50.0, 2048, reads()[0])
    assert decode_account(demo_shape(), LoadOptions(), DEVICES, 3, 2.0, 2048) is None
    assert decode_account(demo_shape(), LoadOptions(device=("CUDA7",)), DEVICES, 100, 2.0, 2048) is None


def test_fits_have_speeds_narrow_caches_faster_ones():
    known = bandwidths(DEVICES)
    pairs = (("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0"))
    fits = fit_all(demo_shape(), LoadOptions(), DEVICES, pairs=pairs)
    fast = [
        fit.speed.tokens_per_s for fit in with_speeds(fits, demo_shape(), LoadOptions(), DEVICES, known, 4096)
    ]
    assert fast == sorted(fast)
    assert with_speeds(fits, demo_shape(), LoadOptions(), DEVICES, {}, 4096) == fits


def test_no_speed_is_claimed_for_attention_that_leaves_the_gpu():
    fits = fit_all(demo_shape(), LoadOptions(), DEVICES, pairs=(("f16", "f16"),))
    slow = [replace(fit, kernel="cpu") for fit in fits]
    (found,) = with_speeds(slow, demo_shape(), LoadOptions(), DEVICES, bandwidths(DEVICES), 4096)
    assert found.speed is None
