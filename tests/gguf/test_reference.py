"""What is read equals what gguf-py's own reader reads, and its own table says."""

from pathlib import Path

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFEndian, GGUFReader, GGUFWriter

from kvdesk.gguf.ggml_types import GGML_TYPES, tensor_bytes
from kvdesk.gguf.header import ArrayValue, Header, read_header
from kvdesk.gguf.open import open_model


def assert_same(header: Header, reference: GGUFReader) -> None:
    fields = {name: field for name, field in reference.fields.items() if not name.startswith("GGUF.")}
    assert set(header.metadata) == set(fields)
    for key, value in header.metadata.items():
        expected = fields[key].contents()
        if isinstance(value, ArrayValue):
            assert list(header.array(key)) == expected
            assert value.element_type == fields[key].types[1]
        else:
            assert value == expected
    assert header.alignment == reference.alignment
    assert header.data_offset == reference.data_offset
    for ours, theirs in zip(header.tensors, reference.tensors, strict=True):
        assert ours.name == theirs.name
        assert ours.shape == tuple(map(int, theirs.shape))
        assert ours.type_id == theirs.tensor_type.value
        assert header.data_offset + ours.offset == theirs.data_offset
        assert ours.n_bytes == theirs.n_bytes


def write(path: Path, endian: GGUFEndian) -> None:
    random = np.random.default_rng(7)
    writer = GGUFWriter(path, "llama", endianess=endian)
    writer.add_uint32("llama.block_count", 3)
    writer.add_float64("a.double", -0.25)
    writer.add_int8("a.byte", -7)
    writer.add_bool("a.flag", True)
    writer.add_string("a.text", "naïve\ttext")
    writer.add_array("a.words", ["", "one", "ein längeres Wort" * 20])
    writer.add_array("a.numbers", [1.5, -2.5])
    writer.add_array("a.whole", list(range(1000)))
    writer.add_tensor("one.weight", random.standard_normal((3, 5), dtype=np.float32))
    writer.add_tensor("half.weight", random.standard_normal((2, 3, 4)).astype(np.float16))
    writer.add_tensor("ids", np.arange(11, dtype=np.int32))
    packed = np.zeros((4, 2 * 34), dtype=np.uint8)
    writer.add_tensor("packed.weight", packed, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("endian", list(GGUFEndian))
def test_a_written_file_reads_the_same(endian: GGUFEndian, tmp_path: Path) -> None:
    path = tmp_path / "written.gguf"
    write(path, endian)
    header = read_header(path)
    assert header.byte_order == endian.name.lower()
    assert [tensor.shape for tensor in header.tensors] == [(5, 3), (4, 3, 2), (11,), (64, 4)]
    assert_same(header, GGUFReader(path))


def test_the_demo_model_reads_the_same() -> None:
    header = open_model("demo")
    assert_same(header, GGUFReader(header.path))


@pytest.mark.parametrize("element", [e for e in GGMLQuantizationType if e.value in GGML_TYPES])
def test_element_types_have_ggmls_sizes(element: GGMLQuantizationType) -> None:
    row = GGML_TYPES[element.value]
    block_values, block_bytes = GGML_QUANT_SIZES[element]
    if element is GGMLQuantizationType.Q8_1:
        block_bytes = 36  # gguf-py still counts the two f32 of before 2024; ggml-common.h has two halves
    assert row.name.lower() == element.name.lower()
    assert (row.block_values, row.block_bytes) == (block_values, block_bytes)
    assert tensor_bytes(row.type_id, (block_values * 3, 5)) == 15 * block_bytes


def test_no_element_type_is_missing() -> None:
    assert {e.value for e in GGMLQuantizationType} <= set(GGML_TYPES)
