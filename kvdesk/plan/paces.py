"""How fast this machine reads, answers and moves caches, measured and kept in a small file of its own."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from kvdesk.durable import replace_file
from kvdesk.errors import StoreError
from kvdesk.memory.report import Device
from kvdesk.plan.depth_curve import DepthCurve
from kvdesk.plan.options import LoadOptions

MOST_CURVES = 64
# What decides how fast a prompt is read; the size of the context does not.
_SPEED_OPTIONS = (
    "cache_type_k",
    "cache_type_v",
    "ubatch_size",
    "batch_size",
    "n_gpu_layers",
    "flash_attn",
    "kv_offload",
    "split_mode",
    "tensor_split",
    "device",
    "override_tensor",
    "cpu_moe",
    "n_cpu_moe",
    "threads",
    "threads_batch",
)


class Paces(msgspec.Struct, frozen=True):
    """Curves by `curve_key`, the one used last at the end, and bytes a second by `copy_key`.

    `threads` are the numbers of CPU threads that answered fastest, by `thread_key`. `setup_s` is what the
    last change of a context took beside the copy: making it, and checking it.
    """

    curves: dict[str, DepthCurve] = {}
    copies: dict[str, float] = {}
    threads: dict[str, int] = {}
    setup_s: float | None = None

    def curve(self, key: str) -> DepthCurve:
        """The curve of a key; an empty one where nothing was measured."""
        return self.curves.get(key, DepthCurve())

    def with_curve(self, key: str, curve: DepthCurve) -> "Paces":
        """With another curve of a key; the ones not used for longest are forgotten."""
        others = {k: c for k, c in self.curves.items() if k != key}
        kept = dict(list(others.items())[-(MOST_CURVES - 1) :])
        return msgspec.structs.replace(self, curves={**kept, key: curve})

    def with_threads(self, key: str, threads: int) -> "Paces":
        """With the number of threads that answered fastest."""
        return msgspec.structs.replace(self, threads={**self.threads, key: threads})

    def with_rebuild(self, key: str, n_bytes: int, copy_s: float, elapsed_s: float) -> "Paces":
        """With what a change of the context took; too small a copy says nothing of its speed."""
        with_setup = msgspec.structs.replace(self, setup_s=max(0.0, elapsed_s - copy_s))
        if n_bytes < 1 << 20 or copy_s <= 0:
            return with_setup
        return msgspec.structs.replace(with_setup, copies={**self.copies, key: n_bytes / copy_s})


class PacesFile:
    """The file. What cannot be read is nothing known yet; `save` raises StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Paces:
        """What was measured."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Paces)
        except (OSError, msgspec.DecodeError):
            return Paces()

    def save(self, paces: Paces) -> None:
        """Write it whole."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, msgspec.json.encode(paces))
        except OSError as error:
            raise StoreError(
                "What was measured could not be kept: {reason}.",
                "Check that {path} may be written and that the disk is not full.",
                reason=error.strerror or str(error),
                path=str(self._path),
            ) from error


def curve_key(model: str, options: LoadOptions, devices: Sequence[Device]) -> str:
    """What a depth curve belongs to: a model by its content, the options that count, the devices' drivers."""
    digest = hashlib.blake2b(digest_size=8)
    digest.update(repr([getattr(options, name) for name in _SPEED_OPTIONS]).encode())
    digest.update(repr([(device.name, device.description, device.driver) for device in devices]).encode())
    return f"{model}-{digest.hexdigest()}"


def thread_key(file_bytes: int, devices: Sequence[Device]) -> str:
    """What a number of threads belongs to: this computer's processor, and models of about this size."""
    processor = next((device.description for device in devices if device.kind == "cpu"), "")
    return f"{processor} {os.cpu_count()} {file_bytes.bit_length()}"


def copy_key(devices: Sequence[Device], route: str, how: str) -> str:
    """What the speed of a copy belongs to: where caches lie, where they rest in between, what is done."""
    backend = next((device.backend for device in devices if device.kind != "cpu"), "cpu")
    return f"{backend} {route} {how}"
