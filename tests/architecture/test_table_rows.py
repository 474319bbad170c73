"""The tables that everything reads agree with llama.cpp's own and with themselves."""

import gguf
import msgspec
import pytest

from kvdesk.memory.cache_types import BY_NAME, CACHE_TYPES
from kvdesk.plan.options import OPTIONS, LoadOptions
from kvdesk.plan.sampling import SAMPLER_OPTIONS, Sampling


@pytest.mark.parametrize("row", CACHE_TYPES, ids=lambda row: row.name)
def test_cache_types_have_ggmls_numbers_and_sizes(row):
    theirs = gguf.GGMLQuantizationType[row.name.upper()]
    assert row.ggml_id == theirs.value
    assert (row.block_values, row.block_bytes) == gguf.GGML_QUANT_SIZES[theirs]


def test_a_row_of_values_takes_whole_blocks():
    assert BY_NAME["q8_0"].row_bytes(128) == 4 * 34
    assert BY_NAME["f16"].row_bytes(576) == 1152


def test_every_option_is_one_field_and_no_flag_means_two_things():
    assert [row.name for row in OPTIONS] == [field.name for field in msgspec.structs.fields(LoadOptions)]
    flags = [flag for row in OPTIONS for flag in (*row.spec.flags, *row.spec.off_flags)]
    flags += [flag for row in SAMPLER_OPTIONS for flag in row.spec.flags]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("row", OPTIONS, ids=lambda row: row.name)
def test_defaults_are_of_their_own_type_and_choice(row):
    if row.default is None:
        assert row.optional
    else:
        assert isinstance(row.default, row.value_type)
    if row.choices:
        assert row.default in row.choices
    assert row.spec.help.endswith(".")
    assert row.spec.memory.endswith(".")


@pytest.mark.parametrize("row", SAMPLER_OPTIONS, ids=lambda row: row.name)
def test_sampler_defaults_lie_within_their_bounds(row):
    assert isinstance(row.default, row.value_type)
    assert row.spec.minimum <= row.default <= row.spec.maximum


def test_both_structs_survive_json():
    options = LoadOptions(tensor_split=(3.0, 1.0), device=("CUDA0",), n_outputs_max=None)
    assert msgspec.json.decode(msgspec.json.encode(options), type=LoadOptions) == options
    sampling = Sampling(temperature=0, seed=7)
    assert msgspec.json.decode(msgspec.json.encode(sampling), type=Sampling) == sampling
