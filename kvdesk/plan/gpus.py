"""GPUs that are not here, by name: a table of published specifications to plan with."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import msgspec

from kvdesk.errors import OptionError
from kvdesk.memory.report import Device
from kvdesk.resources import resource_path
from kvdesk.units import GIB, parse_bytes

# Metal's recommendedMaxWorkingSetSize: two thirds of the memory up to 36 GiB, three quarters above.
_METAL_SMALL_GIB = 36
# llama.cpp's own device names: CUDA0, Vulkan1, ROCm0, SYCL0, MTL0, Metal, RPC0[host:port], none, ...
_LLAMA_NAME = re.compile(
    r"(?i)^(?:(?:cuda|rocm|hip|vulkan|sycl|mtl|musa|cann|opencl|rpc)\d+(?:\[.*\])?|metal|none|cpu)$"
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One row: memory, what of it a process may use, and bandwidth in GB (10^9 bytes) a second."""

    name: str
    backend: str
    memory_bytes: int
    usable_bytes: int
    bandwidth_gb_s: float

    def as_device(self, name: str = "") -> Device:
        """The GPU as a device with all that a process may use free."""
        return Device(name or self.name, "gpu", self.backend, self.memory_bytes, self.usable_bytes, self.name)


@cache
def load_gpus() -> tuple[Gpu, ...]:
    """Read the table."""
    makers = tomllib.loads(resource_path("gpus.toml").read_text(encoding="utf-8"))
    return tuple(
        Gpu(
            f"{maker['title']} {name}",
            maker["backend"],
            memory_gib * GIB,
            _usable_bytes(memory_gib, maker["is_unified"]),
            bandwidth,
        )
        for maker in makers.values()
        for name, memory_gib, bandwidth in maker["gpus"]
    )


def find_gpu(text: str, gpus: Sequence[Gpu] | None = None) -> Gpu:
    """Find a GPU by part of its name, such as "rtx 4060 laptop"; the row that says least beyond it wins.

    Raises OptionError listing the candidates where several say equally little, or the nearest names where
    none has all the words.
    """
    gpus = load_gpus() if gpus is None else gpus
    wanted = _words(text)
    candidates = [gpu for gpu in gpus if wanted and wanted <= _words(gpu.name)]
    fewest = min((len(_words(gpu.name)) for gpu in candidates), default=0)
    best = [gpu for gpu in candidates if len(_words(gpu.name)) == fewest]
    if len(best) == 1:
        return best[0]
    if best:
        raise OptionError(
            "“{text}” may be several GPUs.",
            "Say more of the name: {names}.",
            text=text,
            names="; ".join(gpu.name for gpu in best[:8]),
        )
    raise OptionError(
        "“{text}” is not in the table of GPUs.",
        "Nearest: {names}. Or give the memory yourself, like gpu0=8GiB.",
        text=text,
        names="; ".join(_nearest(wanted, gpus)),
    )


def gpu_of(device: Device) -> Gpu | None:
    """The row of a GPU by the name that its driver gives it; of rows that differ in memory, the nearest."""
    wanted = _model_words(device.description)
    rows = [gpu for gpu in load_gpus() if wanted and _model_words(gpu.name) == wanted]
    return min(rows, key=lambda gpu: abs(gpu.memory_bytes - (device.total_bytes or 0)), default=None)


def _model_words(name: str) -> frozenset[str]:
    """The words of a name but those that say how much memory there is."""
    return frozenset(word for word in _words(name) if not re.fullmatch(r"\d+gb", word))


def planned_devices(values: Sequence[str]) -> tuple[tuple[Device, ...], tuple[str, ...]]:
    """Read `--device` values: GPUs to plan for that are not here, and llama.cpp's names of those that are.

    "NAME=SIZE" is a GPU of that size, whose kind follows from the name where it can be told; other values are
    llama.cpp's names, separated by commas, or names of the table. Raises OptionError.
    """
    absent: list[Device] = []
    named: list[str] = []
    for value in values:
        name, has_size, size = value.partition("=")
        words = [word.strip() for word in value.split(",")]
        if has_size:
            absent.append(_sized(name.strip(), parse_bytes(size)))
        elif all(_LLAMA_NAME.match(word) for word in words):
            named += words
        else:
            absent.append(find_gpu(value).as_device(value.strip()))
    if absent and named:
        raise OptionError(
            "Devices that are here and GPUs that are not cannot be mixed.",
            "Give the size of each one, like CUDA0=8GiB.",
        )
    return _with_unique_names(absent), tuple(named)


def _sized(name: str, size_bytes: int) -> Device:
    lowered = name.lower()
    backends = {
        "cuda": "cuda",
        "rocm": "rocm",
        "vulkan": "vulkan",
        "sycl": "sycl",
        "mtl": "metal",
        "metal": "metal",
    }
    backend = next((backend for word, backend in backends.items() if lowered.startswith(word)), "")
    if not backend:
        found = [gpu for gpu in load_gpus() if _words(name) <= _words(gpu.name)]
        backend = found[0].backend if found else "cuda"
    return Device(name or "gpu", "gpu", backend, size_bytes, size_bytes)


def _with_unique_names(devices: Sequence[Device]) -> tuple[Device, ...]:
    """Number devices of the same name, as llama.cpp does with equal GPUs."""
    names = [device.name for device in devices]
    return tuple(
        msgspec.structs.replace(device, name=f"{device.name} #{names[:index].count(device.name) + 1}")
        if names.count(device.name) > 1
        else device
        for index, device in enumerate(devices)
    )


def _words(text: str) -> frozenset[str]:
    """The words of a name in lower case; "16 GB" and "16GB" are the same one, and "GPU" says nothing."""
    joined = re.sub(r"(\d)\s*gi?b\b", r"\1gb", text.lower())
    return frozenset(re.findall(r"[a-z0-9+]+", joined)) - {"gpu", "graphics", "mobile"}


def _nearest(wanted: frozenset[str], gpus: Sequence[Gpu]) -> list[str]:
    def distance(gpu: Gpu) -> tuple[int, int]:
        words = _words(gpu.name)
        digits = {word for word in wanted if any(character.isdigit() for character in word)}
        close = sum(1 for word in digits for other in words if word[:3] == other[:3])
        return -(2 * len(wanted & words) + close), len(words)

    return [gpu.name for gpu in sorted(gpus, key=distance)[:4]]


def _usable_bytes(memory_gib: int, is_unified: bool) -> int:
    memory = memory_gib * GIB
    if not is_unified:
        return memory
    return memory * 2 // 3 if memory_gib <= _METAL_SMALL_GIB else memory * 3 // 4
