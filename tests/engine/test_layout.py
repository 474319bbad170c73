"""A state is read to its last byte, and anything unexpected in it is refused."""

import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from kvdesk.engine.llama.layout import StateFormat, UnknownLayout, format_of, read_layout, why_unsafe
from kvdesk.engine.llama.row_converter import Element
from kvdesk.memory.shape import ModelShape
from tests.engine.contexts import FAMILIES, TOKENS, Bench, bench, make_family, state_of

pytestmark = pytest.mark.llama
EIGHT_BITS = {"cache_type_k": "q8_0", "cache_type_v": "q8_0"}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(make_family(request.param, tmp_path_factory.mktemp("models"))) as made:
        yield made


@pytest.fixture(scope="module")
def written(family: Bench) -> tuple[bytes, StateFormat, ModelShape]:
    context, shape = family.filled(), family.model.shape
    assert shape is not None
    return state_of(context), format_of(context), shape


Written = tuple[bytes, StateFormat, ModelShape]


@pytest.mark.parametrize(
    "changes", [{}, EIGHT_BITS, {"flash_attn": "off"}, {"parallel": 3, "ctx_size": 3072}]
)
def test_every_byte_of_a_state_has_its_place(family: Bench, changes: dict[str, object]) -> None:
    context, shape = family.filled(**changes), family.model.shape
    assert shape is not None
    data = state_of(context)
    layout = read_layout(memoryview(data), format_of(context), shape)
    kept = [layer for layer in shape.layers if layer.keeps_cells]
    blocks = [block for section in layout.sections if section for block in (*section.keys, *section.values)]
    assert sum(block.values for block in blocks) == sum(layer.k_values + layer.v_values for layer in kept)
    assert {block.cells for block in blocks} <= {len(TOKENS), shape.window_tokens}
    assert layout.n_bytes == len(data)
    if not kept:
        assert layout.sections == ()
    ends = [block.offset + block.n_bytes for block in blocks]
    starts = [block.offset for block in blocks]
    assert all(4 <= start - end <= 24 * 400 for end, start in zip(ends, starts[1:], strict=False))


def test_a_cut_state_is_refused_wherever_it_is_cut(written: Written) -> None:
    data, state_format, shape = written
    cuts = np.linspace(0, len(data) - 1, 60, dtype=int).tolist()
    if not state_format.has_state:  # a recurrent state's own bytes are taken as they are
        cuts += [len(data) - 1, len(data) - 2]
    end = read_layout(memoryview(data), state_format, shape).state[0]
    for cut in cuts:
        if state_format.has_state and cut >= end + 20:
            continue
        with pytest.raises(UnknownLayout):
            read_layout(memoryview(data)[:cut], state_format, shape)


def test_something_after_the_end_is_refused(written: Written) -> None:
    data, state_format, shape = written
    if state_format.has_state:
        pytest.skip("a recurrent state's own bytes are taken as they are")
    with pytest.raises(UnknownLayout, match="goes on"):
        read_layout(memoryview(data + b"\0"), state_format, shape)


def test_another_beginning_is_refused(written: Written) -> None:
    data, state_format, shape = written
    with pytest.raises(UnknownLayout, match="begins"):
        read_layout(memoryview(b"\0" + data[1:]), state_format, shape)


@pytest.mark.parametrize("change", ["type", "turned", "streams", "ext"])
def test_another_format_than_expected_is_refused(change: str, written: Written) -> None:
    data, state_format, shape = written
    if not state_format.caches:
        pytest.skip("this family keeps no K and V")
    cache = state_format.caches[0]
    if change == "ext":
        other = msgspec.structs.replace(state_format, cell_ext_bytes=12)
    else:
        changed = {
            "type": msgspec.structs.replace(cache, k=Element("bf16")),
            "turned": msgspec.structs.replace(cache, is_turned=True),
            "streams": msgspec.structs.replace(cache, streams=2),
        }[change]
        other = msgspec.structs.replace(state_format, caches=(changed, *state_format.caches[1:]))
    with pytest.raises(UnknownLayout):
        read_layout(memoryview(data), other, shape)


def test_cells_of_another_sequence_are_refused(written: Written) -> None:
    data, state_format, shape = written
    if not state_format.caches:
        pytest.skip("this family keeps no K and V")
    spoilt = bytearray(data)
    struct.pack_into("<I", spoilt, 4, 1)  # the state of sequence 1, its cells of sequence 0
    with pytest.raises(UnknownLayout, match="sequences"):
        read_layout(memoryview(spoilt), state_format, shape)


def test_which_families_are_safe(family: Bench) -> None:
    context = family.empty()
    why = why_unsafe(family.model.shape, format_of(context))
    assert why == ("this model keeps no K and V" if family.path.name.startswith("mamba2") else "")


def test_a_model_with_an_index_beside_its_cache_is_not_converted(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with bench(make_family("deepseek32", tmp_path_factory.mktemp("models"))) as made:
        assert "index" in why_unsafe(made.model.shape, format_of(made.empty()))


def test_an_unknown_model_is_not_converted(written: Written) -> None:
    assert why_unsafe(None, written[1])


def test_rotations_can_be_switched_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench(make_family("llama", tmp_path)) as made:
        assert format_of(made.empty(**EIGHT_BITS)).caches[0].k.rotation == 64
        monkeypatch.setenv("LLAMA_ATTN_ROT_DISABLE", "1")
        assert format_of(made.empty(**EIGHT_BITS)).caches[0].k.rotation == 0
