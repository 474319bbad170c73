"""Every recorded answer of llama.cpp, on real models: what must be exact is, the rest within its bounds."""

from collections import defaultdict
from pathlib import Path

import pytest

from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.kv import cache_bytes
from kvdesk.memory.placement import place
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Kind
from kvdesk.memory.weights import REPACKED, weight_totals
from kvdesk.units import MIB
from tests.memory.records import DryRun, dry_runs, packed, read_ground_truth, shapes

MODELS = sorted({run.model for run in dry_runs()})
ARCHIVE = Path(__file__).parents[3] / "shared" / "models"


def _runs(model: str, *, refused: bool = False) -> list[DryRun]:
    return [run for run in dry_runs() if run.model == model and bool(run.error) == refused]


def test_the_record_is_whole() -> None:
    assert len(dry_runs()) == 1326
    assert len(MODELS) == 39
    assert all(shape.is_verified for shape in shapes().values())


@pytest.mark.parametrize("model", MODELS)
def test_caches_weights_and_output_are_exact(model: str) -> None:
    for run in _runs(model):
        shape = shapes()[run.file]
        config = run.configuration(shape)
        assert (config.n_ctx, config.n_ctx_seq, config.n_ubatch) == (run.n_ctx, run.n_ctx_seq, run.n_ubatch)
        caches = cache_bytes(shape, config, place(shape, config))
        weights = weight_totals(shape, config)
        report = estimate(shape, config)
        found = (
            caches.k.total(),
            caches.v.total(),
            caches.state.total(),
            weights.on("CPU"),
            weights.in_buffer(REPACKED),
            report.bytes_of(Kind.OUTPUT),
        )
        expected = (run.k, run.v, run.recurrent, run.weights, run.repacked, run.output)
        assert found == expected, dict(run.params)


@pytest.mark.parametrize("model", MODELS)
def test_compute_buffers_stay_within_their_bounds(model: str) -> None:
    for run in _runs(model):
        shape = shapes()[run.file]
        off = estimate(shape, run.configuration(shape)).bytes_of(Kind.COMPUTE) - run.compute
        assert -off <= max(0.02 * run.compute, 8 * MIB), dict(run.params)
        assert off <= 0.05 * run.compute, dict(run.params)


def test_nearly_all_compute_buffers_are_exact() -> None:
    off = []
    for run in dry_runs():
        if not run.error:
            shape = shapes()[run.file]
            off.append(estimate(shape, run.configuration(shape)).bytes_of(Kind.COMPUTE) - run.compute)
    assert off.count(0) >= 0.98 * len(off)


def test_refusals_are_llama_cpps_own() -> None:
    options: dict[str, set[str]] = defaultdict(set)
    for run in dry_runs():
        shape = shapes()[run.file]
        found = [refusal for refusal in refusals(shape, run.configuration(shape)) if not refusal.is_warning]
        assert bool(found) == bool(run.error), (run.model, dict(run.params), run.error)
        for refusal in found:
            assert refusal.message
            assert refusal.hint
            options[run.error.split(": ", 1)[1].split(" (")[0]].add(refusal.option)
    assert "flash_attn" in options["quantized V cache requires flash_attn to be enabled"]
    assert options["model does not support different K"] == {"cache_type_v"}


def test_the_original_archive_says_the_same() -> None:
    files = [ARCHIVE / name for name in ("ground_truth.jsonl", "ground_truth_more_options.jsonl")]
    if not all(path.exists() for path in files):
        pytest.skip(f"{ARCHIVE} is not beside this checkout")
    assert tuple(run for path in files for run in read_ground_truth(path)) == dry_runs()


def test_a_header_survives_packing() -> None:
    header = open_model("demo")
    small = packed(header)
    assert small["metadata"]["tokenizer.ggml.tokens"]["count"] > 0
    assert len(small["tensors"]) == len(header.tensors)
