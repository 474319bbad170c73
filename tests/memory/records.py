"""Dry runs of the bundled llama.cpp on real models' headers, kept small enough to travel with the tests.

`headers.json.xz` has what decides about memory: metadata without texts, and the tables of tensors.
`dry_runs.json.xz` has what llama.cpp answered. `python -m tests.bench.truth --record` wrote both.
"""

import json
import lzma
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kvdesk.gguf.ggml_types import GGML_TYPES, tensor_bytes
from kvdesk.gguf.header import ArrayValue, Header, TensorInfo, ValueType
from kvdesk.memory.configuration import Configuration, normalise
from kvdesk.memory.cpu import Cpu
from kvdesk.memory.families import shape_of
from kvdesk.memory.shape import ModelShape

DATA = Path(__file__).parent.parent / "data"
# The kind of processor the dry runs were made on, which decides what is repacked.
RECORDED_ON = Cpu.AVX512
# Arrays longer than a model has layers are vocabularies: only their length counts.
MAX_KEPT = 512


@dataclass(frozen=True, slots=True)
class DryRun:
    """One configuration and llama.cpp's answer, in bytes; `error` is its message where it refused."""

    model: str
    file: str
    params: Mapping[str, Any]
    error: str
    n_ctx: int = 0
    n_ctx_seq: int = 0
    n_ubatch: int = 0
    k: int = 0
    v: int = 0
    recurrent: int = 0
    weights: int = 0
    repacked: int = 0
    compute: int = 0
    output: int = 0

    def configuration(self, shape: ModelShape) -> Configuration:
        """The configuration that was asked for."""
        asked = self.params
        return normalise(
            shape,
            ctx_size=asked["ctx"],
            cache_type_k=asked["ctk"],
            cache_type_v=asked["ctv"],
            n_gpu_layers=asked["ngl"],
            flash_attn=asked["fa"],
            batch_size=asked["batch"],
            ubatch_size=asked["ubatch"],
            parallel=asked["seqs"],
            kv_unified=asked["kv_unified"],
            swa_full=asked["swa_full"],
            n_outputs_max=asked["n_outputs_max"],
            repack=asked["repack"],
            mmap=False,
            cpu=RECORDED_ON,
        )


def read_ground_truth(path: Path) -> Iterator[DryRun]:
    """The dry runs of a ground-truth file, but for those that load prediction layers."""
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["params"]["mtp"]:
            continue
        if not row["ok"]:
            yield DryRun(row["id"], row["file"], row["params"], row["error"])
            continue
        yield DryRun(
            row["id"],
            row["file"],
            row["params"],
            "",
            row["n_ctx"],
            row["n_ctx_seq"],
            row["n_ubatch"],
            sum(cache.get("k_bytes", 0) for cache in row["caches"]),
            sum(cache.get("v_bytes", 0) for cache in row["caches"]),
            row["rs_bytes"],
            row["model_bytes"],
            sum(buft["model"] for buft in row["bufts"] if buft["name"] == "CPU_REPACK"),
            row["compute_bytes"],
            row["output_bytes"],
        )


@cache
def dry_runs() -> tuple[DryRun, ...]:
    """All recorded dry runs."""
    return tuple(DryRun(**row) for row in _load("dry_runs.json.xz"))


@cache
def shapes() -> Mapping[str, ModelShape]:
    """The shape of every recorded model, by file."""
    return {file: shape_of(_unpacked(file, packed)) for file, packed in _load("headers.json.xz").items()}


Answer = str | Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MadeKind:
    """A made model, and for each of `tests.bench.truth.FRESH` by number its bytes by kind or an error."""

    shape: ModelShape
    answers: tuple[tuple[int, Answer], ...]


@cache
def kinds(table: str = "kinds") -> Mapping[str, MadeKind]:
    """Every architecture that tests/ggufs.py can make; "large": those of tests/ggufs_large.py."""
    return {
        name: MadeKind(
            shape_of(_unpacked(name, row)), tuple((number, answer) for number, answer in row["answers"])
        )
        for name, row in _load(f"{table}.json.xz").items()
    }


def packed(header: Header) -> dict[str, Any]:
    """What of a header decides about memory."""
    metadata: dict[str, Any] = {}
    for key, value in header.metadata.items():
        if isinstance(value, ArrayValue):
            is_kept = value.count <= MAX_KEPT and value.element_type is not ValueType.STRING
            metadata[key] = list(header.array(key)) if is_kept else {"count": value.count}
        elif not isinstance(value, str) or key in ("general.architecture", "general.name"):
            metadata[key] = value
    tensors = [[tensor.name, tensor.type_id, *tensor.shape] for tensor in header.tensors]
    return {"metadata": metadata, "tensors": tensors, "file_bytes": header.file_bytes}


def _unpacked(file: str, packed_header: Mapping[str, Any]) -> Header:
    blob = bytearray()
    metadata: dict[str, Any] = {}
    for key, value in packed_header["metadata"].items():
        if isinstance(value, dict):
            metadata[key] = ArrayValue(ValueType.STRING, value["count"], 0, 0)
        elif isinstance(value, list):
            is_whole = all(isinstance(item, int) for item in value)
            metadata[key] = ArrayValue(
                ValueType.INT32 if is_whole else ValueType.FLOAT32, len(value), len(blob), 4 * len(value)
            )
            blob += struct.pack(f"<{len(value)}{'i' if is_whole else 'f'}", *value)
        else:
            metadata[key] = value
    tensors = tuple(
        TensorInfo(
            name, tuple(shape), type_id, GGML_TYPES[type_id].name, 0, tensor_bytes(type_id, tuple(shape))
        )
        for name, type_id, *shape in packed_header["tensors"]
    )
    data = bytes(blob)
    return Header(
        path=file,
        version=3,
        byte_order="little",
        metadata=metadata,
        tensors=tensors,
        alignment=32,
        data_offset=0,
        file_bytes=packed_header["file_bytes"],
        paths=(file,),
        read_bytes=lambda offset, n_bytes: data[offset : offset + n_bytes],
    )


def _load(name: str) -> Any:
    return json.loads(lzma.decompress((DATA / name).read_bytes()))
