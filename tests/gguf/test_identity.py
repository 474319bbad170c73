"""A model is known by its content, wherever it lies and whatever its name."""

import shutil
from pathlib import Path

import pytest

from kvdesk.errors import GgufError
from kvdesk.gguf.header import read_header
from kvdesk.gguf.identity import model_identity
from kvdesk.resources import resolve_model


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(resolve_model("demo"), tmp_path / "other name.gguf"))


def test_a_copy_is_the_same_model(copy: Path) -> None:
    assert model_identity(read_header(copy)) == model_identity(read_header(resolve_model("demo")))


@pytest.mark.parametrize("place", ["metadata", "first weights", "last weights"])
def test_a_change_makes_another_model(copy: Path, place: str) -> None:
    header = read_header(copy)
    before = model_identity(header)
    data = bytearray(copy.read_bytes())
    at = {
        "metadata": data.index(b"KV Desk demo"),
        "first weights": header.data_offset,
        "last weights": header.data_offset + (len(data) - header.data_offset) * 63 // 64,
    }[place]
    data[at] ^= 1
    copy.write_bytes(data)
    assert model_identity(header) != before


def test_a_missing_file_is_said_so(copy: Path) -> None:
    header = read_header(copy)
    copy.unlink()
    with pytest.raises(GgufError, match=r"other name\.gguf"):
        model_identity(header)
