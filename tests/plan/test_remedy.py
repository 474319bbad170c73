"""The next step after a failure: what ran out is asked for less of, what gave up is asked for plainly."""

import msgspec
import pytest

from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import HOST, Device, Kind
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.remedy import AGAIN, LEAST_CTX, LEAST_UBATCH, remedy_for, smaller
from kvdesk.plan.solve import attempt
from kvdesk.resources import resolve_model
from kvdesk.units import GIB

CPU = msgspec.structs.replace(HOST, total_bytes=8 * GIB, free_bytes=8 * GIB)
GPU = Device("CUDA0", "gpu", "cuda", total_bytes=8 * GIB, free_bytes=8 * GIB)
SERVERS = tuple(
    Device(f"RPC{n}", "rpc", "rpc", free_bytes=GIB, description=f"10.0.0.{n}:50052") for n in (0, 1)
)
NARROW = {"cache_type_k": "q4_0", "cache_type_v": "q4_0"}
ABORT = Phrase("llama.cpp aborted: {reason}", reason="GGML_ASSERT(n > 0) failed")
GONE = Phrase("The RPC server {server} is gone.", server="10.0.0.1:50052")


@pytest.fixture(scope="module")
def shape():
    return shape_of(open_model(resolve_model("demo")))


def taken(shape, options, devices, device, *kinds):
    """What must be allocated of some kinds on a device."""
    report = attempt(shape, options, devices, ceilings(devices, Amount(0)), options.ctx_size).report
    items = (item for item in report.items if item.device == device and not item.is_reclaimable)
    return sum(item.bytes for item in items if item.kind in kinds)


@pytest.mark.parametrize(
    ("purpose", "where", "asked", "kinds", "changes"),
    [
        ("the K and V cache", "CPU", {}, "kv", {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}),
        ("the K and V cache", "CPU", NARROW, "kv", {"ctx_size": 2048}),
        ("the compute buffer", "CPU", {}, "c", {"ubatch_size": 256}),
        # A context of 256 tokens is read in ubatches of 256 at most: a smaller number has to be smaller yet.
        ("the compute buffer", "CPU", {"ctx_size": 256}, "c", {"ubatch_size": 128}),
        ("the computation", "", {}, "c", {"ubatch_size": 256}),
        ("the weights", "CPU", {"mmap": False}, "w", {"mmap": True}),
        ("the weights", "CUDA0", {"mmap": False}, "w", {"n_gpu_layers": 4}),
        ("the weights", "device 0", {}, "w", {"n_gpu_layers": 4}),
        ("the K and V cache", "CUDA0", NARROW, "kv", {"ctx_size": 2048}),
    ],
)  # fmt: skip
def test_what_ran_out_is_asked_for_less(shape, purpose, where, asked, kinds, changes):
    devices = (GPU, CPU) if where in ("CUDA0", "device 0") else (CPU,)
    options = msgspec.structs.replace(LoadOptions(ctx_size=4096), **asked)
    offer = smaller(shape, options, devices, 0, purpose, where)
    assert offer is not None
    assert dict(offer.changes) == changes
    assert offer.options == msgspec.structs.replace(options, **changes)
    device = devices[0].name
    meant = {"kv": (Kind.K, Kind.V), "c": (Kind.COMPUTE,), "w": (Kind.WEIGHTS,)}[kinds]
    assert taken(shape, offer.options, devices, device, *meant) < taken(
        shape, options, devices, device, *meant
    )


def test_the_trained_context_is_made_smaller_with_a_number(shape):
    options = LoadOptions(ctx_size=0, cache_type_k="q4_0", cache_type_v="q4_0")
    offer = smaller(shape, options, (CPU,), 0, "the K and V cache", "CPU")
    assert offer is not None
    assert offer.options.ctx_size == shape.n_ctx_train // 2
    assert str(shape.n_ctx_train // 2) in offer.sentence


@pytest.mark.parametrize("purpose", ["the weights", "the mapped file"])
def test_weights_that_do_not_fit_the_host_are_no_matter_of_options(shape, purpose):
    options = LoadOptions(ctx_size=4096, repack=False)
    assert smaller(shape, options, (CPU,), 0, purpose, "CPU") is None


def test_where_the_arithmetic_knows_what_is_enough_that_is_offered(shape):
    options = LoadOptions(ctx_size=4096)
    needed = attempt(shape, options, (CPU,), ceilings((CPU,), Amount(0)), 4096).report.needed_bytes("CPU")
    scarce = (msgspec.structs.replace(CPU, free_bytes=needed - 1),)
    offer = smaller(shape, options, scarce, 0, "the K and V cache", "CPU")
    assert offer is not None
    limits = ceilings(scarce, Amount(0))
    assert attempt(shape, offer.options, scarce, limits, offer.options.ctx_size).margin_bytes >= 0


def test_steps_lead_down_to_an_end(shape):
    """Taken again and again, each is another one, and the last says that there is none."""
    options, seen = LoadOptions(ctx_size=4096), []
    while (offer := smaller(shape, options, (CPU,), 0)) is not None:
        options = offer.options
        assert options not in seen
        seen.append(options)
    assert (options.ctx_size, options.ubatch_size) == (LEAST_CTX, LEAST_UBATCH)
    assert (options.cache_type_k, options.cache_type_v) == ("q4_0", "q4_0")


def after_abort(shape, options, devices=(CPU,), *, while_loading=False, message=ABORT):
    return remedy_for("aborted", message, shape, options, devices, 0, while_loading=while_loading)


def test_after_an_abort_what_is_unusual_goes_first(shape):
    options = LoadOptions(ctx_size=1024, cache_type_k="q8_0", cache_type_v="q4_0")
    offer = after_abort(shape, options)
    assert dict(offer.changes) == {"cache_type_k": "f16", "cache_type_v": "f16"}
    assert "f16" in offer.sentence
    assert dict(after_abort(shape, offer.options, (GPU, CPU)).changes) == {"n_gpu_layers": 0}
    assert dict(after_abort(shape, offer.options).changes) == {"ubatch_size": 256}


def test_a_plain_load_that_aborts_would_abort_again(shape):
    assert after_abort(shape, LoadOptions(ctx_size=1024), while_loading=True) is None


def test_a_server_that_is_gone_is_done_without(shape):
    options = LoadOptions(
        ctx_size=1024, rpc=tuple(each.description for each in SERVERS), tensor_split=(1.0, 3.0)
    )
    offer = after_abort(shape, options, (*SERVERS, CPU), message=GONE)
    assert offer.options.rpc == ("10.0.0.0:50052",)
    assert offer.options.tensor_split == (1.0,)
    assert "10.0.0.1:50052" in offer.sentence
    # Where the other has no room, or devices are named by their numbers, there is only the same again.
    full = msgspec.structs.replace(SERVERS[0], free_bytes=1)
    assert after_abort(shape, options, (full, SERVERS[1], CPU), message=GONE).sentence == AGAIN
    named = msgspec.structs.replace(options, device=("RPC0", "RPC1"))
    assert after_abort(shape, named, (*SERVERS, CPU), message=GONE).sentence == AGAIN
