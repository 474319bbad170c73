"""`kvdesk inspect` tells what the file says, model after model, and a bad one does not stop the others."""

import json
from pathlib import Path
from typing import Any

import pytest

from kvdesk.cli.inspect import ranges, run
from kvdesk.gguf.header import ValueType
from kvdesk.gguf.open import open_model
from tests.gguf.raw import Pair, raw_gguf


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_demo_model_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo"], as_json=True) == 0
    (found,) = lines(capsys)
    header = open_model("demo")
    assert found["model"] == {
        "path": header.path,
        "name": "KV Desk demo",
        "architecture": "qwen3",
        "is_verified": True,
        "parameters": 4_984_192,
        "quantisation": "F16",
        "file_bytes": Path(header.path).stat().st_size,
        "files": [header.path],
        "n_ctx_train": 4096,
        "n_layer": 5,
        "n_vocab": 2048,
    }
    assert found["metadata"]["qwen3.attention.head_count_kv"] == 2
    assert found["metadata"]["tokenizer.ggml.tokens"] == {"type": "string", "count": 2048}
    assert found["chat_template"] is True
    assert [row["index"] for row in found["layers"]] == [0, 1, 2, 3, 4]
    assert found["layers"][0] == {
        "index": 0,
        "attention": "full",
        "head_count": 4,
        "head_count_kv": 2,
        "key_length": 64,
        "value_length": 64,
        "window_tokens": None,
        "recurrent": False,
        "weights_bytes": sum(t.n_bytes for t in header.tensors if t.name.startswith("blk.0.")),
    }
    by_type = found["tensors"]["by_type"]
    assert sum(row["count"] for row in by_type.values()) == found["tensors"]["count"] == len(header.tensors)
    assert sum(row["bytes"] for row in by_type.values()) == sum(t.n_bytes for t in header.tensors)
    assert all(row["k_ok"] and row["v_ok"] for row in found["cache_types"])
    assert len(found["cache_types"]) == 9
    assert found["elapsed_ms"]["header"] > 0


def test_a_failure_stands_in_its_place(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.gguf")
    assert run(["demo", absent, "demo"], as_json=True) == 2
    first, failed, last = lines(capsys)
    assert first["model"] == last["model"]
    assert failed["path"] == absent
    assert failed["error"]["kind"] == "GgufError"
    assert "There is no file" in failed["error"]["message"]
    assert failed["error"]["hint"]


def test_tables_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo"], as_json=False) == 0
    text = capsys.readouterr().out
    for expected in ("KV Desk demo", "qwen3", "4.98 M", "4,096 tokens", "GQA 4/2 heads", "0–4", "q8_0"):
        assert expected in text


def test_a_models_own_text_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pairs: list[Pair] = [
        ("general.architecture", ValueType.STRING, "llama"),
        ("general.name", ValueType.STRING, "[red]\x1b[2J" + "n" * 5000),
        ("llama.block_count", ValueType.UINT32, 1),
        ("llama.context_length", ValueType.UINT32, 512),
        ("llama.embedding_length", ValueType.UINT32, 64),
        ("llama.feed_forward_length", ValueType.UINT32, 64),
        ("llama.attention.head_count", ValueType.UINT32, 2),
    ]
    path = tmp_path / "steering.gguf"
    path.write_bytes(raw_gguf(pairs, [("token_embd.weight", (64, 8), 0, 0)], data_bytes=2048))
    assert run([str(path)], as_json=False) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text
    assert "[red]" in text
    assert text.count("n" * 50) < 20


@pytest.mark.parametrize(
    ("indices", "text"),
    [([], ""), ([3], "3"), ([0, 1, 2], "0–2"), ([0, 2, 3, 4, 9], "0, 2–4, 9")],
)
def test_ranges(indices: list[int], text: str) -> None:
    assert ranges(indices) == text
