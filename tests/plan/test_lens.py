"""What a token takes, here and in other engines."""

from dataclasses import replace

import pytest

from kvdesk.memory.shape import LayerShape
from kvdesk.plan.lens import LensRow, look
from kvdesk.units import GIB
from tests.plan.shapes import demo_shape

KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture
def llama_8b():
    """Llama 3.1 8B's cache: 32 layers, 8 KV heads of 128."""
    layer = LayerShape(
        0,
        "full",
        head_count=32,
        head_count_kv=8,
        key_length=128,
        value_length=128,
        k_values=1024,
        v_values=1024,
    )
    layers = tuple(replace(layer, index=index) for index in range(32))
    return replace(demo_shape(), layers=layers, n_layer=32, widest_v_values=1024, n_ctx_train=131072)


def row(rows: tuple[LensRow, ...], engine: str, mode: str) -> LensRow:
    (found,) = (each for each in rows if (each.engine, each.mode) == (engine, mode))
    return found


@pytest.mark.parametrize(
    ("engine", "mode", "kib"),
    [
        ("llama.cpp", "f16 / f16", 128),
        ("llama.cpp", "q8_0 / q8_0", 68),
        ("llama.cpp", "q8_0 / q4_0", 52),
        ("llama.cpp", "q4_0 / q4_0", 36),
        ("LMDeploy", "int8", 66),
        ("LMDeploy", "int4", 34),
        ("LMDeploy", "turbo_quant", 25.5),
        ("LightLLM", "int8", 65),
        ("LightLLM", "ppl int8", 80),
        ("LightLLM", "ppl int4", 48),
        ("ExLlamaV2", "Q4", 36),
        ("ExLlamaV2", "Q6", 52),
        ("ExLlamaV2", "Q8", 68),
        ("ExLlamaV2", "FP8", 64),
        ("transformers", "quanto int4", 36),
        ("transformers", "quanto int2", 20),
    ],
)
def test_a_token_takes_what_each_engine_documents(llama_8b, engine, mode, kib):
    assert row(look(llama_8b), engine, mode).bytes_per_token == kib * KIB


def test_scales_are_counted_in_the_bits(llama_8b):
    rows = look(llama_8b)
    assert row(rows, "llama.cpp", "q8_0 / q8_0").bits_per_value == 8.5
    assert row(rows, "LMDeploy", "int4").bits_per_value == 4.25


def test_what_lies_beside_the_cache_costs_tokens(llama_8b):
    rows = look(llama_8b)
    assert row(rows, "llama.cpp", "f16 / f16").tokens_per_gib == GIB // (128 * KIB)
    packed = row(rows, "ExLlamaV2", "Q4")
    assert packed.unpacked_bytes_per_token == 4 * KIB
    assert packed.tokens_per_gib == GIB // (40 * KIB)
    recent = row(rows, "transformers", "quanto int4")
    assert recent.fixed_bytes == 16 * MIB
    assert recent.tokens_per_gib == (GIB - 16 * MIB) // (40 * KIB)


def test_a_window_does_not_grow_here_and_is_said_to_be_counted_elsewhere(llama_8b):
    half = tuple(
        replace(layer, attention="sliding", window_tokens=1024) if layer.index % 2 else layer
        for layer in llama_8b.layers
    )
    rows = look(replace(llama_8b, layers=half, window_tokens=1024))
    ours = row(rows, "llama.cpp", "f16 / f16")
    assert ours.bytes_per_token == 64 * KIB
    assert ours.fixed_bytes == 16 * 4 * KIB * 1536  # the window and a ubatch, padded
    theirs = row(rows, "LMDeploy", "int8")
    assert theirs.bytes_per_token == 66 * KIB
    assert "Window layers are counted in full." in theirs.note


def test_what_is_not_known_has_no_figure_but_a_reason(llama_8b):
    rows = look(replace(llama_8b, is_mla=True))
    for each in rows:
        if each.engine != "llama.cpp":
            assert each.bytes_per_token is None
            assert each.tokens_per_gib is None
            assert "one compressed row" in each.note


def test_a_pair_that_llama_cpp_refuses_says_why(llama_8b):
    odd = tuple(
        replace(layer, key_length=80, value_length=80, k_values=640, v_values=640)
        for layer in llama_8b.layers
    )
    rows = look(replace(llama_8b, layers=odd, widest_v_values=640))
    refused = row(rows, "llama.cpp", "q8_0 / q8_0")
    assert refused.bytes_per_token is None
    assert refused.note
    assert row(rows, "llama.cpp", "f16 / f16").bytes_per_token == 80 * KIB
