"""Makes small real GGUF models of many architectures, which the bundled llama.cpp loads and runs.

A kind is one row of metadata; which tensors such a model has, and of which shapes, is asked of llama.cpp
itself, so a new kind needs no list of tensors. Weights are random, the vocabulary is the demo model's.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, GGUFWriter, LlamaFileType
from gguf.quants import quantize

from kvdesk.gguf.open import open_model
from tests.ggufs_kinds import KINDS as COMMON
from tests.ggufs_kinds import Keys, Kind, Sizes
from tests.ggufs_rare import PLANNED_ALONE, RARE

FileType = Literal["f32", "f16", "bf16", "q8_0", "q4_0"]
KINDS = {**COMMON, **RARE}
ALL = {**KINDS, **PLANNED_ALONE}

_TYPES = {
    "f32": GGMLQuantizationType.F32,
    "f16": GGMLQuantizationType.F16,
    "bf16": GGMLQuantizationType.BF16,
    "q8_0": GGMLQuantizationType.Q8_0,
    "q4_0": GGMLQuantizationType.Q4_0,
}

_FILE_TYPES = {
    "f32": LlamaFileType.ALL_F32,
    "f16": LlamaFileType.MOSTLY_F16,
    "bf16": LlamaFileType.MOSTLY_BF16,
    "q8_0": LlamaFileType.MOSTLY_Q8_0,
    "q4_0": LlamaFileType.MOSTLY_Q4_0,
}

# The matrices that llama-quantize would quantise; all else (norms, convolutions, routers, states) stays f32.
_MATRICES = re.compile(
    r"(token_embd|output|attn_(q|k|v|qkv|output|gate|q_[ab]|kv_a_mqa|kv_b)|ffn_(up|gate|down)(_exps|_shexp)?|"
    r"ssm_(in|out)|(in|out)_proj|time_mix_(key|value|receptance|gate|output)|channel_mix_(key|value|receptance))"
    r"\.weight$"
)
# llama.cpp insists on the width of these.
_UINT64_ARRAYS = ("ple.layer_multipliers", "ple.head_offsets", "ple.head_vocab_sizes")

_POOL_VALUES = 2**17


def make_model(
    kind: str,
    folder: Path,
    *,
    file_type: FileType = "f32",
    seed: int = 0,
    name: str = "",
    sizes: Sizes | None = None,
    keys: Keys | None = None,
    omit: str = "",
    zeros: str = "",
    is_hollow: bool = False,
    **size_changes: int,
) -> Path:
    """Write a model of a kind of `ALL` into `folder` and return its path.

    `size_changes` are fields of `Sizes`; `keys` adds or replaces metadata of the architecture, without its
    name in front, `omit` names tensors to leave out beside those of the kind, `zeros` those that are nothing
    but zeros. A hollow model's weights are a hole in the file: zeros that take no room. Others are written
    tensor by tensor, from a pool of random values; this one has half a billion parameters and takes 3 s:

        make_model("llama", folder, file_type="q8_0", n_layer=24, n_embd=1280, n_head=20, n_head_kv=4,
                   n_ff=4096, n_vocab=32768)
    """
    row = ALL[kind]
    size = replace(sizes or row.sizes, **size_changes)
    metadata = {**_plain_keys(size), **row.keys(size), **(keys or {})}
    tensors = {
        tensor: (shape, _type_of(tensor, shape, file_type))
        for tensor, shape in _ask_tensors(kind, size.n_vocab, json.dumps(metadata))
        if re.search(row.omit, tensor) is None and not (omit and re.search(omit, tensor))
    }
    path = folder / f"{name or kind}.{file_type}.gguf"
    writer = _writer(path, row, size.n_vocab, metadata)
    writer.add_file_type(_FILE_TYPES[file_type])
    for tensor, (shape, element) in tensors.items():
        writer.add_tensor_info(tensor, shape[::-1], np.dtype(np.float32), _n_bytes(shape, element), element)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if is_hollow:
        writer.close()
        n_bytes = sum(-(-_n_bytes(shape, element) // 32) * 32 for shape, element in tensors.values())
        os.truncate(path, -(-path.stat().st_size // 32) * 32 + n_bytes)
        return path
    random = np.random.default_rng(seed)
    for tensor, (shape, element) in tensors.items():
        values = _values(random, tensor, shape, element)
        writer.write_tensor_data(np.zeros_like(values) if zeros and re.search(zeros, tensor) else values)
    writer.close()
    return path


def _plain_keys(s: Sizes) -> Keys:
    return {
        "context_length": s.n_ctx_train,
        "embedding_length": s.n_embd,
        "block_count": s.n_layer,
        "feed_forward_length": s.n_ff,
        "attention.head_count": s.n_head,
        "attention.head_count_kv": s.n_head_kv,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "attention.layer_norm_epsilon": 1e-5,
        "rope.freq_base": 10000.0,
        "vocab_size": s.n_vocab,
        **({"attention.key_length": s.head_dim, "attention.value_length": s.head_dim} if s.head_dim else {}),
    }


@cache
def _ask_tensors(kind: str, n_vocab: int, metadata: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Every tensor that llama.cpp would look for in a model with these metadata."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "keys.gguf"
        writer = _writer(path, ALL[kind], n_vocab, json.loads(metadata))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        writer.close()
        program = Path(__file__).with_name("ggufs_tensors.py")
        asked = subprocess.run([sys.executable, program, path], capture_output=True, text=True, timeout=120)
    if asked.returncode:
        raise RuntimeError(f"llama.cpp knows no {kind} model with these metadata:\n{asked.stderr[-2000:]}")
    return tuple((tensor, tuple(shape)) for tensor, shape in json.loads(asked.stdout))


def _writer(path: Path, row: Kind, n_vocab: int, metadata: Keys) -> GGUFWriter:
    writer = GGUFWriter(path, row.architecture)
    writer.add_name("random weights")  # llama.cpp treats vocabularies of some names in a special way
    for key, value in metadata.items():
        _add(writer, f"{row.architecture}.{key}", value)
    for key, value in {**_vocabulary(n_vocab), **row.tokenizer}.items():
        _add(writer, key, value)
    return writer


def _add(writer: GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_uint32(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif key.endswith(_UINT64_ARRAYS):
        writer.add_key_value(key, value, GGUFValueType.ARRAY, sub_type=GGUFValueType.UINT64)
    else:
        writer.add_array(key, value)


@cache
def _vocabulary(n_vocab: int) -> Keys:
    """The first tokens of the demo model: special ones, bytes, merges; filled up when more are asked."""
    demo = open_model("demo")
    tokens = [str(token) for token in demo.array("tokenizer.ggml.tokens")][:n_vocab]
    tokens += [f"[unused{i}]" for i in range(n_vocab - len(tokens))]
    known = set(tokens)
    merges = [str(merge) for merge in demo.array("tokenizer.ggml.merges")]
    keys = {
        key: value
        for key, value in demo.metadata.items()
        if key.startswith("tokenizer.") and isinstance(value, (str, int))
    }
    keys["tokenizer.ggml.tokens"] = tokens
    keys["tokenizer.ggml.token_type"] = [3, 3, 3] + [1] * (n_vocab - 3)
    keys["tokenizer.ggml.merges"] = [merge for merge in merges if merge.replace(" ", "") in known]
    return keys


def _type_of(tensor: str, shape: Sequence[int], file_type: FileType) -> GGMLQuantizationType:
    """The element type of a tensor: the file's for matrices whose rows it divides, else f32."""
    wanted = _TYPES[file_type]
    blocks_fit = shape[0] % GGML_QUANT_SIZES[wanted][0] == 0
    return wanted if blocks_fit and len(shape) > 1 and _MATRICES.search(tensor) else _TYPES["f32"]


def _n_bytes(shape: Sequence[int], element: GGMLQuantizationType) -> int:
    block_values, block_bytes = GGML_QUANT_SIZES[element]
    return prod(shape) // block_values * block_bytes


def _values(
    random: np.random.Generator, tensor: str, shape: Sequence[int], element: GGMLQuantizationType
) -> np.ndarray[Any, np.dtype[Any]]:
    """Random contents that keep a model's numbers finite; a large tensor repeats a pool of them."""
    count = prod(shape)
    pool = random.standard_normal(min(count, _POOL_VALUES), dtype=np.float32)
    if tensor.endswith("ssm_a"):
        pool = -np.abs(pool) - 0.1  # a state that decays
    elif "norm" in tensor and tensor.endswith(".weight"):
        pool = 1 + 0.1 * pool
    else:
        pool *= 0.08
    block_values, block_bytes = GGML_QUANT_SIZES[element]
    packed = quantize(pool.reshape(-1, block_values), element).view(np.uint8).reshape(-1)
    return np.resize(packed, count // block_values * block_bytes)
