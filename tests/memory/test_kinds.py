"""A small model of every architecture that tests can make: the same answers as llama.cpp's own."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from kvdesk.memory.cpu import Cpu, this_cpu
from kvdesk.memory.estimate import estimate
from kvdesk.memory.kv import cache_bytes
from kvdesk.memory.placement import place
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import HOST, Kind
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from tests.bench.truth import FRESH, LONG
from tests.memory.records import MadeKind, kinds

KINDS = kinds()
LARGE = kinds("large")


def test_the_record_covers_nearly_all_architectures() -> None:
    assert len(KINDS) > 130
    unverified = [name for name, kind in KINDS.items() if not kind.shape.is_verified]
    assert not unverified


@pytest.mark.parametrize("name", sorted(KINDS))
def test_weights_caches_and_refusals(name: str) -> None:
    shape = KINDS[name].shape
    for number, answer in KINDS[name].answers:
        config = configure(msgspec.structs.replace(FRESH[number], mmap=False), shape, (HOST,))
        refused = [found for found in refusals(shape, config) if not found.is_warning]
        assert bool(refused) == isinstance(answer, str), (FRESH[number], answer)
        if isinstance(answer, str):
            continue
        total = cache_bytes(shape, config, place(shape, config))
        report = estimate(shape, config)
        kept = total.k.total() + total.v.total() + total.state.total()
        assert kept == answer["k"] + answer["v"] + answer["recurrent"], FRESH[number]
        assert report.bytes_of(Kind.OUTPUT) == answer["output"]
        if (
            this_cpu() is Cpu.AVX512
        ):  # else a tied embedding may be copied otherwise than where it was recorded
            assert report.bytes_of(Kind.WEIGHTS) == answer["weights"]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_compute_buffers_are_exact_or_called_rough(name: str) -> None:
    shares = _shares(KINDS[name], FRESH)
    assert shares
    if KINDS[name].shape.is_rough:
        assert min(shares) > 0
    else:
        assert max(map(abs, shares)) < 0.001


@pytest.mark.parametrize("name", sorted(LARGE))
def test_compute_buffers_of_large_models(name: str) -> None:
    kind = LARGE[name]
    assert not kind.shape.is_rough
    shares = _shares(kind, LONG)
    assert len(shares) >= 6
    assert min(shares) >= 0
    assert max(shares) < 0.05
    assert sum(share == 0 for share in shares) >= len(shares) - 1


def test_a_rough_sketch_says_so() -> None:
    rough = replace(KINDS["llama4"].shape, is_rough=True)
    report = estimate(rough, configure(FRESH[0], rough, (HOST,)))
    assert any("rough" in item.why for item in report.items if item.kind is Kind.COMPUTE)


def _shares(kind: MadeKind, asked: Sequence[LoadOptions]) -> list[float]:
    """How far the compute buffer is off in each configuration, as a share of llama.cpp's."""
    shares = []
    for number, answer in kind.answers:
        # A dry run leaves out what a load reserves for one sequence.
        is_comparable = asked[number].parallel == 1 or not kind.shape.reserves_one_sequence
        if not isinstance(answer, str) and is_comparable:
            config = configure(asked[number], kind.shape, (HOST,))
            off = estimate(kind.shape, config).bytes_of(Kind.COMPUTE) - answer["compute"]
            shares.append(off / max(answer["compute"], 1))
    return shares
