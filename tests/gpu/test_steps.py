"""What is measured: all that is promised, the most telling first, nothing twice."""

from pathlib import Path

import pytest

from kvdesk.errors import OptionError
from measuring.models import MODELS, OpenedFile, chosen_models, open_models
from measuring.steps import (
    CONTEXTS,
    MIXED_PAIRS,
    SYMMETRIC_PAIRS,
    DeviceContextStep,
    MemoryStep,
    SpeedStep,
    Step,
    Wanted,
    plan_steps,
)
from tests.memory.records import shapes


@pytest.fixture(scope="module")
def models() -> tuple[OpenedFile, ...]:
    """The models by their recorded shapes."""
    return tuple(
        OpenedFile(model.file, model.kind, model.file, shapes()[model.file])
        for model in MODELS
        if model.file in shapes()
    )


@pytest.fixture(scope="module")
def steps(models: tuple[OpenedFile, ...]) -> list[Step]:
    """All steps."""
    return plan_steps(models, Wanted())


def _memory(steps: list[Step]) -> list[MemoryStep]:
    return [step for step in steps if isinstance(step, MemoryStep)]


def test_every_kind_of_model_is_there(models: tuple[OpenedFile, ...]) -> None:
    assert len(models) == len(MODELS) - 1  # the built-in one is no recorded one
    assert len({model.kind for model in models}) >= 6


def test_every_pair_context_and_flash_attention_of_every_model(
    models: tuple[OpenedFile, ...], steps: list[Step]
) -> None:
    found = {
        (
            s.model.file,
            s.options.ctx_size,
            (s.options.cache_type_k, s.options.cache_type_v),
            s.options.flash_attn,
        )
        for s in _memory(steps)
    }
    for model in models:
        for context in CONTEXTS:
            for pair in (*SYMMETRIC_PAIRS, *MIXED_PAIRS):
                for flash_attn in ("on", "off"):
                    assert (model.file, context, pair, flash_attn) in found


def test_nothing_is_measured_twice(steps: list[Step]) -> None:
    keys = [step.key for step in steps]
    assert len(keys) == len(set(keys))


def test_the_first_minutes_tell_the_most(models: tuple[OpenedFile, ...], steps: list[Step]) -> None:
    assert isinstance(steps[0], DeviceContextStep)
    first = _memory(steps)[: len(models)]
    assert [step.model.file for step in first] == [model.file for model in models]
    assert {step.options.ctx_size for step in first} == {CONTEXTS[0]}
    half = steps[: len(steps) // 2]
    assert any(isinstance(step, SpeedStep) for step in half)
    assert any(step.options.n_gpu_layers > 0 for step in _memory(half))


def test_without_a_device_nothing_is_offloaded(models: tuple[OpenedFile, ...]) -> None:
    steps = plan_steps(models[:1], Wanted(has_device=False))
    assert not any(isinstance(step, DeviceContextStep) for step in steps)
    assert all(step.options.n_gpu_layers == -1 for step in _memory(steps))


def test_chosen_pairs_and_contexts_are_the_only_ones(models: tuple[OpenedFile, ...]) -> None:
    pairs = (("q5_1", "q4_1"), ("f16", "f16"))
    steps = plan_steps(models[:1], Wanted(contexts=(4096,), pairs=pairs))
    seen = {(s.options.cache_type_k, s.options.cache_type_v) for s in _memory(steps)}
    assert seen == set(pairs)
    assert {s.options.ctx_size for s in _memory(steps)} == {4096}


def test_ports_of_servers_do_not_make_another_row(models: tuple[OpenedFile, ...]) -> None:
    keys = [
        {step.key for step in plan_steps(models[:1], Wanted(rpc=(f"127.0.0.1:{port}",)))} for port in (1, 2)
    ]
    assert keys[0] == keys[1]
    assert keys[0] != {step.key for step in plan_steps(models[:1], Wanted())}


def test_depths_stay_within_what_a_model_was_trained_for(models: tuple[OpenedFile, ...]) -> None:
    gemma = next(model for model in models if model.file.startswith("gemma-2b"))
    (first, *_) = [s for s in plan_steps([gemma], Wanted()) if isinstance(s, SpeedStep)]
    assert first.depths == (512, 4096)


def test_an_unknown_model_is_refused_with_those_there_are() -> None:
    with pytest.raises(OptionError, match="Llama-3"):
        chosen_models(["nonesuch"])
    assert {model.file for model in chosen_models(["gemma"])} == {
        model.file for model in MODELS if model.file.startswith("gemma")
    }


def test_models_that_are_missing_need_the_archive(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--headers"):
        open_models(chosen_models(["qwen3-0.6b"]), tmp_path, None)


def test_an_unpacked_model_is_a_hole_of_the_full_length(tmp_path: Path) -> None:
    headers = Path(__file__).parents[3] / "shared" / "models" / "headers.tar.xz"
    if not headers.is_file():
        pytest.skip(f"no archive of headers at {headers}")
    (model,) = open_models(chosen_models(["qwen3-0.6b"]), tmp_path, headers)
    there = Path(model.path).stat()
    assert there.st_size == shapes()[model.file].file_bytes
    assert there.st_blocks * 512 < there.st_size / 10
    assert model.shape.n_layer == 28
