"""A split set is one model: its first file stands for all, and what is wrong with a set is said."""

from pathlib import Path

import pytest

from kvdesk.errors import Corrupt, GgufError
from kvdesk.gguf.header import ValueType
from kvdesk.gguf.open import open_model
from kvdesk.gguf.splits import read_model
from tests.gguf.raw import Pair, Tensor, raw_gguf

COUNT = 3


def part(number: int, *, tensor: str | None = None, total: int = COUNT, count: int = COUNT) -> bytes:
    pairs: list[Pair] = [
        ("general.architecture", ValueType.STRING, "llama"),
        ("split.no", ValueType.UINT16, number - 1),
        ("split.count", ValueType.UINT16, count),
        ("split.tensors.count", ValueType.INT32, total),
    ]
    if number == 1:
        pairs.append(("llama.block_count", ValueType.UINT32, 3))
    tensors: list[Tensor] = [(tensor or f"blk.{number - 1}.attn_norm.weight", (8 * number,), 0, 0)]
    return raw_gguf(pairs, tensors, data_bytes=32 * number)


def path_of(folder: Path, number: int) -> Path:
    return folder / f"tiny-{number:05d}-of-{COUNT:05d}.gguf"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(1, COUNT + 1):
        path_of(tmp_path, number).write_bytes(part(number))
    return tmp_path


def test_the_first_part_stands_for_all(folder: Path) -> None:
    header = open_model(str(path_of(folder, 1)))
    assert [(t.name, t.file_index, t.n_bytes) for t in header.tensors] == [
        ("blk.0.attn_norm.weight", 0, 32),
        ("blk.1.attn_norm.weight", 1, 64),
        ("blk.2.attn_norm.weight", 2, 96),
    ]
    assert header.paths == tuple(str(path_of(folder, number)) for number in (1, 2, 3))
    assert header.file_bytes == sum(path_of(folder, number).stat().st_size for number in (1, 2, 3))
    assert header.arch("block_count") == 3


def test_a_later_part_names_the_first(folder: Path) -> None:
    with pytest.raises(GgufError, match="later part of a model in 3 files") as caught:
        read_model(path_of(folder, 2))
    assert str(path_of(folder, 1)) in caught.value.hint


def test_a_missing_part_is_named(folder: Path) -> None:
    path_of(folder, 3).unlink()
    with pytest.raises(GgufError, match="Part 3 of 3 of the model is missing") as caught:
        read_model(path_of(folder, 1))
    assert str(path_of(folder, 3)) in caught.value.message


def test_a_renamed_part_is_explained(folder: Path) -> None:
    renamed = path_of(folder, 1).rename(folder / "model.gguf")
    with pytest.raises(GgufError, match="its name does not say which"):
        read_model(renamed)


def test_parts_that_do_not_belong_together(folder: Path) -> None:
    path_of(folder, 2).write_bytes(part(3))
    with pytest.raises(Corrupt, match="says that it is not part 2 of 3"):
        read_model(path_of(folder, 1))
    path_of(folder, 2).write_bytes(part(2, tensor="blk.0.attn_norm.weight"))
    with pytest.raises(Corrupt, match="hold 2 tensors of 3"):
        read_model(path_of(folder, 1))
    path_of(folder, 2).write_bytes(part(2))
    path_of(folder, 1).write_bytes(part(1, total=9))
    with pytest.raises(Corrupt, match="hold 3 tensors of 9"):
        read_model(path_of(folder, 1))


def test_a_set_of_one_is_a_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "whatever.gguf"
    path.write_bytes(part(1, count=1, total=1))
    assert open_model(str(path)).paths == (str(path),)
