"""The models that tests make are real: llama.cpp loads each kind and evaluates tokens with it."""

import math
import subprocess
import sys
from pathlib import Path

import pytest

from kvdesk.gguf.open import open_model
from kvdesk.session.card import quantisation_of
from tests.ggufs import KINDS, FileType, make_model
from tests.ggufs_kinds import KINDS as COMMON

pytestmark = pytest.mark.llama


def evaluate(model: Path, kind: str) -> float:
    program = Path(__file__).with_name("decode_one.py")
    way = "decode" if KINDS[kind].is_causal else "encode"
    ran = subprocess.run([sys.executable, program, model, way], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return float(ran.stdout.split()[-1])


RARE = ("deepseek32", "deepseek4", "minimax-m3", "kimi-linear", "hy_v4", "modern-bert")


# A minute and a half would be needed for all of them; tests/bench/kinds.py does that, by hand.
@pytest.mark.parametrize("kind", [*COMMON, *RARE])
def test_each_kind_runs(kind: str, tmp_path: Path) -> None:
    model = make_model(kind, tmp_path)
    header = open_model(str(model))
    assert header.architecture == KINDS[kind].architecture
    assert header.file_bytes == model.stat().st_size
    total = evaluate(model, kind)
    assert math.isfinite(total)
    assert total > 0


@pytest.mark.parametrize("file_type", ["f16", "bf16", "q8_0", "q4_0"])
def test_each_file_type_runs(file_type: FileType, tmp_path: Path) -> None:
    model = make_model("llama", tmp_path, file_type=file_type)
    header = open_model(str(model))
    assert quantisation_of(header) == file_type.upper()
    types = {tensor.name: tensor.type_name for tensor in header.tensors}
    assert types["blk.0.attn_q.weight"] == file_type
    assert types["blk.0.attn_norm.weight"] == "f32"
    assert math.isfinite(evaluate(model, "llama"))


def test_seeds_and_sizes_are_obeyed(tmp_path: Path) -> None:
    first = make_model("llama", tmp_path, name="first", seed=1).read_bytes()
    assert make_model("llama", tmp_path, name="again", seed=1).read_bytes() == first
    assert make_model("llama", tmp_path, name="other", seed=2).read_bytes() != first
    header = open_model(str(make_model("llama", tmp_path, name="wide", n_embd=256, n_vocab=3000, n_layer=2)))
    shapes = {tensor.name: tensor.shape for tensor in header.tensors}
    assert shapes["token_embd.weight"] == (256, 3000)
    assert header.arch("block_count") == 2
