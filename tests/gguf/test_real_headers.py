"""Headers of real models, where their archive lies beside the checkout, are read as published."""

import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvdesk.errors import GgufError
from kvdesk.gguf.header import ArrayValue
from kvdesk.gguf.open import open_model

ARCHIVE = Path(__file__).parents[3] / "shared" / "models" / "headers.tar.xz"
NAMES = ("Qwen3-0.6B-Q8_0", "gpt-oss-20b", "DeepSeek-V3.1", "granite-4.0-h-tiny", "OpenELM")

pytestmark = pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"{ARCHIVE} is not there")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A few of the archive's files, in full length with holes for weights."""
    out = tmp_path_factory.mktemp("headers")
    with tarfile.open(ARCHIVE) as archive:
        listed = archive.extractfile("sizes.json")
        assert listed is not None
        sizes = json.load(listed)
        for member in archive:
            content = archive.extractfile(member) if member.name.startswith(NAMES) else None
            if content is not None:
                (out / member.name).write_bytes(content.read())
                os.truncate(out / member.name, sizes[member.name])
    yield out
    for path in out.iterdir():  # a terabyte in appearance is not left to the next run
        path.unlink()


def test_a_plain_model(folder: Path) -> None:
    header = open_model(str(folder / "Qwen3-0.6B-Q8_0.gguf"))
    assert header.architecture == "qwen3"
    assert (header.arch("block_count"), header.arch("attention.head_count_kv")) == (28, 8)
    tokens = header.metadata["tokenizer.ggml.tokens"]
    assert isinstance(tokens, ArrayValue)
    assert tokens.count == 151936
    assert len(header.array("tokenizer.ggml.tokens")) == 151936
    shapes = {tensor.name: (tensor.shape, tensor.type_name) for tensor in header.tensors}
    assert shapes["token_embd.weight"] == ((1024, 151936), "q8_0")
    last = header.tensors[-1]
    assert header.data_offset + last.offset + last.n_bytes <= header.file_bytes


def test_mixture_of_experts_in_mxfp4(folder: Path) -> None:
    (path,) = folder.glob("gpt-oss-20b*")
    header = open_model(str(path))
    assert header.architecture == "gpt-oss"
    experts = next(t for t in header.tensors if t.name == "blk.0.ffn_up_exps.weight")
    assert (experts.type_name, len(experts.shape), experts.shape[2]) == ("mxfp4", 3, 32)
    assert experts.n_bytes == experts.shape[0] * experts.shape[1] * experts.shape[2] // 32 * 17


def test_arrays_by_layer(folder: Path) -> None:
    (granite,) = folder.glob("granite-4.0-h-tiny*")
    header = open_model(str(granite))
    heads = header.array("granitehybrid.attention.head_count_kv")
    assert len(heads) == header.arch("block_count")
    assert set(heads) == {0, 4}
    (openelm,) = folder.glob("OpenELM*")
    header = open_model(str(openelm))
    assert len(set(header.array("openelm.attention.head_count"))) > 2


def test_a_split_set_of_five(folder: Path) -> None:
    parts = sorted(folder.glob("DeepSeek-V3.1*"))
    header = open_model(str(parts[0]))
    assert header.paths == tuple(map(str, parts))
    assert header.file_bytes == sum(part.stat().st_size for part in parts) > 200e9
    assert len(header.tensors) == header.get("split.tensors.count") == 1086
    assert {tensor.file_index for tensor in header.tensors} == {0, 1, 2, 3, 4}
    with pytest.raises(GgufError, match="later part of a model in 5 files"):
        open_model(str(parts[3]))
