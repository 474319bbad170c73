"""Where cached tokens can be moved: the obstacles, by model and options (`test_shift` asks llama.cpp)."""

from dataclasses import replace
from typing import Any

import pytest

from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.shape import LayerShape, ModelShape
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.shifting import shift_obstacle

DEMO = shape_of(open_model("demo"))


def attending(key_length: int = 64, **changes: Any) -> ModelShape:
    """The demo model with other heads."""
    layer = LayerShape(0, "full", 4, 2, key_length, key_length, 2 * key_length, 2 * key_length)
    return replace(DEMO, layers=(layer,) * DEMO.n_layer, **{"n_rot": key_length, **changes})


def obstacle(shape: ModelShape, **options: Any) -> str:
    return shift_obstacle(shape, LoadOptions(**options)) or ""


@pytest.mark.parametrize("cache_type", ["f32", "f16"])
def test_a_plain_model_can_be_moved(cache_type: str) -> None:
    assert obstacle(attending(), cache_type_k=cache_type) == ""
    assert obstacle(attending(80, n_rot=20), cache_type_k=cache_type) == ""


def test_brain_floats_end_the_process() -> None:
    assert "bf16" in obstacle(attending(), cache_type_k="bf16")
    assert obstacle(attending(), cache_type_v="bf16") == ""


@pytest.mark.parametrize(("key_length", "n_rot", "is_possible"), [
    (64, 64, True), (128, 128, True), (32, 32, False), (96, 96, False), (128, 64, False),
])  # fmt: skip
@pytest.mark.parametrize("cache_type", ["q8_0", "q4_0", "iq4_nl"])
def test_quantised_keys_need_whole_rotated_heads(
    key_length: int, n_rot: int, is_possible: bool, cache_type: str
) -> None:
    why = obstacle(attending(key_length, n_rot=n_rot), cache_type_k=cache_type)
    assert (why == "") == is_possible
    assert is_possible or cache_type in why


def test_latent_attention_moves_in_floats_alone() -> None:
    assert obstacle(attending(is_mla=True)) == ""
    assert "q8_0" in obstacle(attending(is_mla=True), cache_type_k="q8_0", cache_type_v="q8_0")


def test_a_state_cannot_forget() -> None:
    recurrent = LayerShape(0, "recurrent", recurrent_values=64)
    assert "state" in obstacle(replace(DEMO, layers=(recurrent, *DEMO.layers[1:])))


def test_windows_must_be_kept_in_full() -> None:
    window = replace(DEMO.layers[0], window_tokens=512)
    shape = replace(DEMO, layers=(window, *DEMO.layers[1:]), window_tokens=512)
    assert "--swa-full" in obstacle(shape, ctx_size=4096, swa_full=False)
    assert obstacle(shape, ctx_size=4096, swa_full=True) == ""
    assert obstacle(shape, ctx_size=512, swa_full=False) == ""  # no window cell is ever used twice
    only_windows = replace(shape, layers=(window,) * DEMO.n_layer)
    assert obstacle(only_windows, ctx_size=4096, swa_full=True)


@pytest.mark.parametrize("options", [
    {"rope_scaling": "yarn"}, {"yarn_ext_factor": 1.0}, {"yarn_attn_factor": 1.2},
])  # fmt: skip
def test_asked_for_stretching_multiplies_again(options: dict[str, object]) -> None:
    assert "stretched" in obstacle(attending(), **options)
    assert "stretched" in obstacle(attending(key_magnitude=1.14))
    assert "stretched" in obstacle(attending(rope_scaling="yarn"), rope_scale=2.0)
    assert obstacle(attending(), rope_scaling="linear", rope_scale=2.0) == ""


@pytest.mark.parametrize("changes", [
    {"can_shift": False}, {"turns_keys_oddly": True}, {"is_verified": False}, {"has_cache": False},
])  # fmt: skip
def test_other_models_say_why(changes: dict[str, Any]) -> None:
    assert obstacle(attending(**changes)).endswith(".")
