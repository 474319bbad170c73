"""Whatever bytes a file holds, reading it gives a header or a GgufError, and costs little memory."""

import io
import struct
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from kvdesk.errors import GgufError
from kvdesk.gguf.header import ArrayValue, Header, ValueType, read_header, read_stream
from tests.gguf.raw import EVERY_KIND, TWO_TENSORS, TWO_TENSORS_DATA_BYTES, raw_gguf

VALID = [
    raw_gguf(EVERY_KIND, TWO_TENSORS, data_bytes=TWO_TENSORS_DATA_BYTES, order=order) for order in ("<", ">")
]

# Values with a history of breaking readers: sizes that overflow, swapped signs, type ids.
NUMBERS = st.sampled_from([0, 1, 8, 9, 12, 13, 31, 255, 2**31, 2**32 - 1, 2**60, 2**63 - 1, 2**63, 2**64 - 1])


# A machine under load is no reason to fail.
UNTIMED = settings(deadline=None)
UNTIMED_MANY = settings(deadline=None, max_examples=400)


def outcome(raw: bytes) -> Header | tuple[str, str]:
    """Read the bytes as a file and as a stream, check that both agree and that every array decodes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "any.gguf"
        path.write_bytes(raw)
        results = []
        for read in (
            lambda: read_header(path),
            lambda: read_stream(io.BytesIO(raw), len(raw), str(path)),
        ):
            try:
                results.append(read())
            except GgufError as error:
                results.append((error.kind, error.message))
        from_file, from_stream = results
        if raw:  # an empty file is named as such
            assert from_file == from_stream
        if isinstance(from_file, Header):
            for key, value in from_file.metadata.items():
                if isinstance(value, ArrayValue):
                    assert len(from_file.array(key)) == value.count
        return from_stream


def limited(raw: bytes) -> None:
    tracemalloc.start()
    try:
        outcome(raw)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    finally:
        tracemalloc.stop()


@UNTIMED
@given(st.binary(max_size=400))
def test_any_bytes(raw: bytes) -> None:
    limited(raw)


@UNTIMED
@given(st.binary(max_size=400), st.integers(0, 3), st.sampled_from("<>"), NUMBERS, NUMBERS)
def test_any_bytes_after_a_magic(rest: bytes, version: int, order: str, n_tensors: int, n_keys: int) -> None:
    limited(b"GGUF" + struct.pack(order + "IQQ", version, n_tensors % 7, n_keys % 7) + rest)
    limited(b"GGUF" + struct.pack(order + "IQQ", version, n_tensors, n_keys) + rest)


@UNTIMED_MANY
@given(st.sampled_from(VALID), st.data())
def test_mutated_files(valid: bytes, data: st.DataObject) -> None:
    raw = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        if data.draw(st.booleans()):
            raw[at] = data.draw(st.integers(0, 255))
        else:
            raw[at : at + 8] = struct.pack(data.draw(st.sampled_from("<>")) + "Q", data.draw(NUMBERS))
    limited(bytes(raw))


@UNTIMED
@given(st.sampled_from(VALID), st.data())
def test_cut_files(valid: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(valid) - 1))
    assert not isinstance(outcome(valid[:cut]), Header)


@UNTIMED
@given(
    st.lists(st.integers(0, 300), max_size=300),
    st.sampled_from("<>"),
    st.binary(min_size=1, max_size=1),
)
def test_any_vocabulary_is_passed_to_its_very_end(lengths: list[int], order: str, filler: bytes) -> None:
    """Strings of zeros look like length fields; the walk must not be led astray by them."""
    strings = [filler * n for n in lengths]
    raw = raw_gguf(
        [("t", ValueType.ARRAY, (ValueType.STRING, strings)), ("end", ValueType.UINT16, 4242)], order=order
    )
    header = outcome(raw)
    assert isinstance(header, Header)
    assert header.metadata["end"] == 4242
    found = header.metadata["t"]
    assert isinstance(found, ArrayValue)
    assert found.n_bytes == sum(8 + n for n in lengths)
    assert header.array("t") == tuple(string.decode("utf-8", "replace") for string in strings)
