"""A small model of every architecture that tests can make: the same answers as llama.cpp's own."""

import msgspec
import pytest

from kvdesk.memory.cpu import Cpu, this_cpu
from kvdesk.memory.estimate import estimate
from kvdesk.memory.kv import cache_bytes
from kvdesk.memory.placement import place
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import HOST, Kind
from kvdesk.plan.configure import configure
from tests.bench.truth import FRESH
from tests.memory.records import Answer, kinds

KINDS = kinds()


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


def test_compute_buffers_of_rare_architectures_are_close() -> None:
    shares = []
    for name in KINDS:
        if not KINDS[name].shape.is_rough:
            shares += _shares(name, KINDS[name].answers)
    assert len(shares) > 1000
    shares.sort(key=abs)
    assert shares[len(shares) // 2] == 0
    assert abs(shares[int(0.9 * len(shares))]) < 0.05


def test_a_rough_sketch_says_so() -> None:
    rough = next(kind.shape for kind in KINDS.values() if kind.shape.architecture == "qwen4exp")
    report = estimate(rough, configure(FRESH[0], rough, (HOST,)))
    assert any("rough" in item.why for item in report.items if item.kind is Kind.COMPUTE)


def _shares(name: str, answers: tuple[tuple[int, Answer], ...]) -> list[float]:
    shape = KINDS[name].shape
    shares = []
    for number, answer in answers:
        if not isinstance(answer, str):
            config = configure(FRESH[number], shape, (HOST,))
            off = estimate(shape, config).bytes_of(Kind.COMPUTE) - answer["compute"]
            shares.append(off / max(answer["compute"], 1))
    return shares
