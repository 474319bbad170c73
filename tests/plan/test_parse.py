"""Option values read from text are what was meant, and nonsense is refused by name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.errors import OptionError
from kvdesk.plan.options import ALL_LAYERS, BY_NAME, OPTIONS, LoadOptions
from kvdesk.plan.parse import flag_of, read_options, read_value, write_value
from tests.plan.strategies import values_of


@given(st.sampled_from(OPTIONS).flatmap(lambda row: st.tuples(st.just(row), values_of(row))))
def test_every_value_of_every_option_survives_writing_and_reading(pair):
    row, value = pair
    assert read_value(row, write_value(row, value)) == value


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_every_default_survives_writing_and_reading(row):
    assert read_value(row, write_value(row, row.default)) == row.default


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("ctx_size", "32k", 32768),
        ("ctx_size", " 8192 ", 8192),
        ("ctx_size", "1.5k", 1536),
        ("ctx_size", "1M", 1048576),
        ("ctx_size", "0", 0),
        ("n_gpu_layers", "all", ALL_LAYERS),
        ("n_gpu_layers", "auto", ALL_LAYERS),
        ("n_gpu_layers", "-2", ALL_LAYERS),
        ("n_gpu_layers", "99", 99),
        ("flash_attn", "1", "on"),
        ("flash_attn", "disabled", "off"),
        ("flash_attn", "-1", "auto"),
        ("cache_type_k", "Q8_0", "q8_0"),
        ("mmap", "off", False),
        ("mmap", "true", True),
        ("tensor_split", "3,1", (3.0, 1.0)),
        ("tensor_split", "3/1/0.5", (3.0, 1.0, 0.5)),
        ("device", "CUDA0, CUDA1", ("CUDA0", "CUDA1")),
        ("device", "", ()),
        ("n_outputs_max", "auto", None),
        ("n_outputs_max", "0", 0),
        ("main_gpu", "-1", -1),
        ("yarn_ext_factor", "-1", -1.0),
        ("rope_scaling", "yarn", "yarn"),
    ],
)
def test_values_are_read_as_people_write_them(name, text, value):
    assert read_value(BY_NAME[name], text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ctx_size", "many"),
        ("ctx_size", "-1"),
        ("ctx_size", "1.5"),
        ("ctx_size", "1e4"),
        ("ctx_size", "99999999999"),
        ("ctx_size", ""),
        ("parallel", "0"),
        ("parallel", "257"),
        ("ubatch_size", "0"),
        ("n_gpu_layers", "some"),
        ("n_gpu_layers", "-3"),
        ("cache_type_k", "q3_K"),
        ("cache_type_v", ""),
        ("flash_attn", "maybe"),
        ("mlock", "2"),
        ("tensor_split", "1,x"),
        ("tensor_split", "1,-1"),
        ("tensor_split", "1,nan"),
        ("rope_scale", "inf"),
        ("rope_scale", "-2"),
        ("device", "CUDA0,,CUDA1"),
        ("override_tensor", "blk.0"),
        ("override_tensor", "=CPU"),
        ("override_tensor", "blk(=CPU"),
    ],
)
def test_nonsense_is_refused_with_the_flag_and_the_way_out(name, text):
    with pytest.raises(OptionError) as caught:
        read_value(BY_NAME[name], text)
    assert flag_of(BY_NAME[name]) in caught.value.message
    assert caught.value.hint


def test_several_options_are_read_over_others():
    base = LoadOptions(cache_type_k="q8_0", ctx_size=4096)
    assert read_options({"ctx_size": "8k"}, base) == LoadOptions(cache_type_k="q8_0", ctx_size=8192)
