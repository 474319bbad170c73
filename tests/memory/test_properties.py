"""What must hold for every model and every option, whatever the figures are."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.memory.configuration import Configuration, normalise
from kvdesk.memory.cpu import Cpu
from kvdesk.memory.estimate import estimate
from kvdesk.memory.kv import cache_bytes
from kvdesk.memory.placement import place
from kvdesk.memory.report import HOST, TOTAL_KINDS, Device, Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.memory.weights import weight_totals
from tests.memory.records import shapes

GIB = 1024**3
TYPES = [row.name for row in CACHE_TYPES]
GPUS = (
    Device("RPC0", "rpc", "rpc", 24 * GIB, 20 * GIB),
    Device("RPC1", "rpc", "rpc", 12 * GIB, 11 * GIB),
    HOST,
)

files = st.sampled_from(sorted(shapes()))
contexts = st.integers(1, 200_000)
ubatches = st.sampled_from([64, 128, 512, 1024])
sequences = st.integers(1, 8)


def _cells(shape: ModelShape, config: Configuration) -> tuple[int, int]:
    total = cache_bytes(shape, config, place(shape, config))
    return total.k.total(), total.v.total()


@given(files, contexts, st.integers(0, 50_000), sequences, st.booleans(), st.booleans())
def test_more_context_never_needs_less(
    file: str, context: int, more: int, parallel: int, is_unified: bool, is_full: bool
) -> None:
    shape = shapes()[file]
    small, large = (
        normalise(shape, ctx_size=size, parallel=parallel, kv_unified=is_unified, swa_full=is_full)
        for size in (context, context + more)
    )
    assert large.n_ctx >= small.n_ctx
    assert all(
        after >= before for after, before in zip(_cells(shape, large), _cells(shape, small), strict=True)
    )


@given(files, contexts, sequences)
def test_narrower_types_never_need_more(file: str, context: int, parallel: int) -> None:
    shape = shapes()[file]
    sums = [
        sum(
            _cells(
                shape,
                normalise(shape, ctx_size=context, parallel=parallel, cache_type_k=name, cache_type_v=name),
            )
        )
        for name in TYPES
    ]
    assert sums == sorted(sums, reverse=True)


@given(
    files, st.integers(0, 100), st.sampled_from([(), (3.0, 1.0), (0.0, 1.0)]), st.booleans(), st.booleans()
)
def test_moving_layers_keeps_every_byte_of_weights(
    file: str, layers: int, split: tuple[float, ...], moves_experts: bool, is_mapped: bool
) -> None:
    shape = shapes()[file]
    options = {"devices": GPUS, "cpu": Cpu.PLAIN, "mmap": is_mapped}
    home = weight_totals(shape, normalise(shape, n_gpu_layers=0, **options))
    moved = weight_totals(
        shape,
        normalise(shape, n_gpu_layers=layers, tensor_split=split, cpu_moe=moves_experts, **options),
    )
    copies = moved.second_copy_bytes - home.second_copy_bytes
    ropes = sum(weight.n_bytes for weight in shape.weights if weight.name.startswith("rope_f"))
    difference = sum(moved.by_buffer.values()) - sum(home.by_buffer.values()) - copies
    assert 0 <= difference <= 2 * (ropes + 64)


@settings(deadline=None, max_examples=40)
@given(files, contexts, st.sampled_from(TYPES), st.sampled_from(TYPES), st.integers(0, 80), ubatches)
def test_items_add_up_and_say_why(file: str, context: int, k: str, v: str, layers: int, ubatch: int) -> None:
    shape = shapes()[file]
    config = normalise(
        shape,
        ctx_size=context,
        cache_type_k=k,
        cache_type_v=v,
        n_gpu_layers=layers,
        ubatch_size=ubatch,
        devices=GPUS,
    )
    report = estimate(shape, config)
    assert report.degree == "estimate"
    assert sum(report.bytes_of(kind) for kind in TOTAL_KINDS) == report.bytes_of()
    assert sum(report.bytes_of(None, device.name) for device in GPUS) == report.bytes_of()
    assert all(item.bytes > 0 and item.why for item in report.items)
    assert {item.device for item in report.items} <= {device.name for device in GPUS}
    total = cache_bytes(shape, config, place(shape, config))
    assert report.bytes_of(Kind.K) == total.k.total()


@given(files, contexts, sequences)
def test_the_caches_follow_their_layers(file: str, context: int, layers: int) -> None:
    shape = shapes()[file]
    config = normalise(shape, ctx_size=context, n_gpu_layers=layers, devices=GPUS)
    beside = cache_bytes(shape, config, place(shape, config))
    at_home = replace(config, kv_offload=False)
    on_host = cache_bytes(shape, at_home, place(shape, at_home))
    assert on_host.k.total() == beside.k.total()
    assert set(on_host.k) <= {"CPU"}
