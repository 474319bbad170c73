"""Headers of both byte orders and versions, read from files and from streams, to the last value."""

import io
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kvdesk.errors import Corrupt, GgufError, NotGguf, Truncated, UnsupportedVersion
from kvdesk.gguf.header import ArrayValue, Header, ValueType, read_header, read_stream
from kvdesk.gguf.values import Scalar
from tests.gguf.raw import EVERY_KIND, TWO_TENSORS, TWO_TENSORS_DATA_BYTES, raw_gguf, text

Read = Callable[[bytes], Header]


@pytest.fixture(params=["file", "stream", "stream of unknown length"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Read:
    """Reads bytes as a header in one of the three ways; all must agree."""

    def from_file(raw: bytes) -> Header:
        path = tmp_path / "model.gguf"
        path.write_bytes(raw)
        return read_header(path)

    ways: dict[str, Read] = {
        "file": from_file,
        "stream": lambda raw: read_stream(io.BytesIO(raw), len(raw), "model.gguf"),
        "stream of unknown length": lambda raw: read_stream(io.BytesIO(raw), None, "model.gguf"),
    }
    return ways[request.param]


def complete(**changes: Any) -> bytes:
    return raw_gguf(EVERY_KIND, TWO_TENSORS, data_bytes=TWO_TENSORS_DATA_BYTES, **changes)


@pytest.mark.parametrize(("order", "name"), [("<", "little"), (">", "big")])
@pytest.mark.parametrize("version", [2, 3])
def test_every_value_is_read(read: Read, order: str, name: str, version: int) -> None:
    raw = complete(order=order, version=version)
    header = read(raw)
    assert (header.byte_order, header.version, header.alignment) == (name, version, 32)
    assert header.file_bytes == len(raw)
    assert header.data_offset == len(raw) - TWO_TENSORS_DATA_BYTES
    assert header.architecture == "llama"
    expected: dict[str, tuple[Scalar, ...]] = {}
    for key, kind, value in EVERY_KIND:
        found = header.metadata[str(key)]
        if kind is ValueType.ARRAY:
            element, items = value
            assert isinstance(found, ArrayValue)
            assert (found.element_type, found.count) == (element, len(items))
            expected[str(key)] = tuple(map(bool, items)) if element is ValueType.BOOL else tuple(items)
        else:
            assert found == (bool(value) if kind is ValueType.BOOL else value)
            assert isinstance(found, bool) is (kind is ValueType.BOOL)
    assert {key: header.array(key) for key in expected} == expected
    assert [(t.name, t.shape, t.type_name, t.offset, t.n_bytes) for t in header.tensors] == [
        ("token_embd.weight", (256, 3), "q4_K", 0, 3 * 144),
        ("output_norm.weight", (5,), "f32", 448, 20),
    ]


def test_keys_of_the_architecture(read: Read) -> None:
    header = read(
        raw_gguf([("general.architecture", ValueType.STRING, "bert"), ("bert.x", ValueType.UINT8, 4)])
    )
    assert header.arch("x") == 4
    assert header.arch("y", 9) == 9
    assert header.get("bert.x") == 4
    assert header.get("nothing") is None
    with pytest.raises(GgufError, match=r"no array “bert\.x”"):
        header.array("bert.x")
    with pytest.raises(GgufError, match="does not say which architecture"):
        _ = read(raw_gguf()).architecture


def test_strings_of_every_length_are_passed_exactly(read: Read) -> None:
    """The fast walk knows short strings only; whatever the mix, the key that follows must be found."""
    for lengths in (
        [0] * 200,
        [127, 128, 129] * 60,
        list(range(400)),
        [5] * 63 + [70000] + [3] * 65,
        [1] * 64,
    ):
        items = [b"x" * n for n in lengths]
        for order in ("<", ">"):
            pairs = [
                ("a", ValueType.ARRAY, (ValueType.STRING, items)),
                ("after", ValueType.UINT32, 77),
            ]
            header = read(raw_gguf(pairs, order=order))
            assert header.metadata["after"] == 77
            assert [len(str(item)) for item in header.array("a")] == lengths


def test_alignment_is_obeyed(read: Read) -> None:
    tensors = [("a", (3,), 0, 0), ("b", (3,), 0, 256)]
    raw = raw_gguf(
        [("general.alignment", ValueType.UINT32, 256)], tensors, alignment=256, data_bytes=256 + 12
    )
    header = read(raw)
    assert header.alignment == 256
    assert header.data_offset % 256 == 0
    assert header.data_offset + 256 + 12 == len(raw)


def test_text_that_is_not_utf8_is_shown_not_refused(read: Read) -> None:
    pairs = [
        ("a", ValueType.STRING, b"caf\xe9"),
        ("b", ValueType.ARRAY, (ValueType.STRING, [b"\xff\xfe", b"ok"])),
    ]
    header = read(raw_gguf(pairs))
    assert header.metadata["a"] == "caf\ufffd"
    assert header.array("b") == ("\ufffd\ufffd", "ok")


HUGE = 2**60
SCALAR = ("a", ValueType.UINT8, 1)

DAMAGED: dict[str, tuple[bytes, type[GgufError], str]] = {
    "version 1": (raw_gguf(version=1), UnsupportedVersion, "version 1, which llama.cpp no longer reads"),
    "version 0": (raw_gguf(version=0), UnsupportedVersion, "version 0"),
    "version 4": (raw_gguf(version=4), UnsupportedVersion, "version 4; versions 2 and 3"),
    "big-endian version 1": (raw_gguf(version=1, order=">"), UnsupportedVersion, "version 1, which"),
    "countless keys": (raw_gguf(n_keys=HUGE), Corrupt, r"announces 1,152,9\S+ keys"),
    "countless tensors": (raw_gguf(n_tensors=HUGE), Corrupt, r"and 1,152,9\S+ tensors"),
    "more keys than there are": (raw_gguf([SCALAR], n_keys=2), Truncated, "ends after 38 bytes"),
    "more tensors than there are": (raw_gguf(n_tensors=1), Truncated, "ends after 24 bytes"),
    "endless key": (raw_gguf(n_keys=1) + struct.pack("<Q", HUGE), Corrupt, "at byte 24: a text of"),
    "key past the end": (raw_gguf(n_keys=1) + struct.pack("<Q", 9) + b"abc", Truncated, "begins at byte"),
    "key without a name": (raw_gguf([("", ValueType.UINT8, 1)]), Corrupt, "at byte 24: a key has no name"),
    "the same key twice": (raw_gguf([SCALAR, SCALAR]), Corrupt, "at byte 38: the key “a” is there twice"),
    "key that is not text": (
        raw_gguf([(b"\xff", ValueType.UINT8, 1)]),
        Corrupt,
        "a key is not readable text",
    ),
    "unknown value type": (
        raw_gguf(n_keys=1) + text("a") + struct.pack("<I", 13),
        Corrupt,
        "at byte 33: the key “a” has a value of unknown type 13",
    ),
    "array in an array": (
        raw_gguf(n_keys=1) + text("a") + struct.pack("<IIQ", 9, 9, 1),
        Corrupt,
        "at byte 37: the key “a” has arrays in an array",
    ),
    "countless numbers": (
        raw_gguf(n_keys=1) + text("a") + struct.pack("<IIQ", 9, 4, HUGE),
        Truncated,
        "begins at byte 49 goes on to byte",
    ),
    "countless strings": (
        raw_gguf(n_keys=1) + text("a") + struct.pack("<IIQ", 9, 8, HUGE),
        Corrupt,
        "at byte 49: 1,152,9",
    ),
    "strings past the end": (
        raw_gguf(n_keys=1) + text("a") + struct.pack("<IIQ", 9, 8, 3) + text("x"),
        Truncated,
        "ends after 58 bytes",
    ),
    "endless string in an array": (
        raw_gguf(n_keys=1) + text("a") + struct.pack("<IIQ", 9, 8, 1) + struct.pack("<Q", HUGE),
        Truncated,
        "begins at byte",
    ),
    "alignment 0": (
        raw_gguf([("general.alignment", ValueType.UINT32, 0)]),
        Corrupt,
        "alignment is 0, not a power of two",
    ),
    "alignment 48": (raw_gguf([("general.alignment", ValueType.UINT32, 48)]), Corrupt, "alignment is 48"),
    "alignment as text": (
        raw_gguf([("general.alignment", ValueType.STRING, "32")]),
        Corrupt,
        "alignment is STRING",
    ),
    "five dimensions": (raw_gguf([], [("t", (1,) * 5, 0, 0)]), Corrupt, "has 5 dimensions"),
    "long tensor name": (raw_gguf([], [("t" * 64, (1,), 0, 0)], data_bytes=4), Corrupt, "a name of 64"),
    "negative dimension": (raw_gguf([], [("t", (4, -1), 0, 0)]), Corrupt, "impossible shape 4 × -1"),
    "overflowing shape": (raw_gguf([], [("t", (2**62, 4), 0, 0)]), Corrupt, "impossible shape"),
    "half a block": (raw_gguf([], [("t", (33,), 8, 0)]), Corrupt, "rows of 33 values .* cannot be q8_0"),
    "unknown tensor type": (raw_gguf([], [("t", (32,), 99, 0)]), Corrupt, "unknown element type 99"),
    "negative tensor type": (raw_gguf([], [("t", (32,), -1, 0)]), Corrupt, "unknown element type -1"),
    "removed tensor type": (raw_gguf([], [("t", (32,), 31, 0)]), Corrupt, "is q4_0_4_4, which llama.cpp no"),
    "tensor elsewhere": (
        raw_gguf([], [("t", (8,), 0, 64)], data_bytes=96),
        Corrupt,
        "begins at 64 instead of 0",
    ),
    "the same tensor twice": (
        raw_gguf([], [("t", (8,), 0, 0), ("t", (8,), 0, 32)], data_bytes=64),
        Corrupt,
        "the tensor “t” is there twice",
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_named_with_its_place(read: Read, case: str) -> None:
    raw, kind, message = DAMAGED[case]
    tracemalloc.start()
    try:
        with pytest.raises(kind, match=message) as caught:
            read(raw)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert type(caught.value) is kind
    assert caught.value.hint
    assert "model.gguf" in caught.value.message
    assert peak_bytes < 4 * 1024**2


def test_missing_weights_are_noticed(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(complete()[:-1])
    with pytest.raises(Truncated, match=r"ends after [\d,]+ of the [\d,]+ bytes that its tensors need"):
        read_header(path)


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"PK\x03\x04rest of the archive", "ZIP archive or PyTorch checkpoint"),
        (struct.pack("<Q", 1200) + b'{"__metadata__":{', "safetensors file"),
        (b"tjgg\x03\0\0\0", "old GGML file"),
        (b'{"architectures": []}', "JSON text"),
        (b"plain words, nothing else, and some more of them", "is not a GGUF file"),
        (b"GGU", "too short"),
    ],
)
def test_other_files_are_named(read: Read, start: bytes, what: str) -> None:
    with pytest.raises(NotGguf, match=what) as caught:
        read(start)
    assert caught.value.hint


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(GgufError, match="There is no file"):
        read_header(tmp_path / "absent.gguf")
    with pytest.raises(GgufError, match="is a folder"):
        read_header(tmp_path)
    with pytest.raises(GgufError, match="cannot be read"):
        read_header("model\0.gguf")
    (tmp_path / "empty.gguf").touch()
    with pytest.raises(NotGguf, match="is empty"):
        read_header(tmp_path / "empty.gguf")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(NotGguf, match="device or a pipe"):
        read_header(tmp_path / "pipe.gguf")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.gguf"
    path.write_bytes(complete())
    path.chmod(0)
    with pytest.raises(GgufError, match="may not be read"):
        read_header(path)


def test_an_array_of_a_file_that_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(complete())
    header = read_header(path)
    path.write_bytes(b"GGUF")
    with pytest.raises(Corrupt, match="changed since its header was read"):
        header.array("a.strings")
    path.unlink()
    with pytest.raises(GgufError, match="There is no file"):
        header.array("a.strings")


def test_a_stream_that_fails_says_where() -> None:
    class Failing(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(GgufError, match="cannot be read at byte 0: Input/output error"):
        read_stream(Failing(), None, "disk")


def test_a_stream_is_read_no_further_than_its_header() -> None:
    raw = complete() + bytes(8 * 1024**2)
    stream = io.BytesIO(raw)
    read_stream(stream, len(raw), "model")
    assert stream.tell() < 1024**2
