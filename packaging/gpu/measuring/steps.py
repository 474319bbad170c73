"""What is measured, in the order of its value: where time runs out, the most telling rows are there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.plan.options import LoadOptions
from measuring.models import OpenedFile
from measuring.rows import changed_options

CONTEXTS = (8192, 32768, 131072)
DEPTHS = (512, 4096, 16384, 32768)
FIRST_PAIRS = (("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0"))
MIXED_PAIRS = (("q8_0", "q4_0"), ("f16", "q8_0"))
SYMMETRIC_PAIRS = tuple((row.name, row.name) for row in CACHE_TYPES)
ROOM_FOR_ANSWER = 512  # tokens of context beyond the deepest depth

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class DeviceContextStep:
    """How much the driver takes for a process that only initialises the device."""

    word: ClassVar[str] = "context"

    @property
    def key(self) -> str:
        """Names the row."""
        return "device_context"


@dataclass(frozen=True, slots=True)
class KernelsStep:
    """Which pairs the devices compute attention for, with this model's heads."""

    word: ClassVar[str] = "kernels"
    model: OpenedFile

    @property
    def key(self) -> str:
        """Names the row."""
        return f"kernels {self.model.file}"


@dataclass(frozen=True, slots=True)
class MemoryStep:
    """Estimate, dry run, load, and a turn."""

    word: ClassVar[str] = "memory"
    model: OpenedFile
    options: LoadOptions

    @property
    def key(self) -> str:
        """Names the row."""
        return f"memory {self.model.file} {_written(self.options)}"


@dataclass(frozen=True, slots=True)
class SpeedStep:
    """One load, and a turn at each depth."""

    word: ClassVar[str] = "speed"
    model: OpenedFile
    options: LoadOptions
    depths: tuple[int, ...]

    @property
    def key(self) -> str:
        """Names the row."""
        return f"speed {self.model.file} {_written(self.options)}"


Step = DeviceContextStep | KernelsStep | MemoryStep | SpeedStep
WORDS = ("context", "kernels", "memory", "speed")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure. `rpc` are the servers that stand for devices."""

    contexts: tuple[int, ...] = CONTEXTS
    pairs: tuple[Pair, ...] = ()  # all symmetric and the mixed ones when empty
    depths: tuple[int, ...] = DEPTHS
    rpc: tuple[str, ...] = ()
    has_device: bool = True  # something that layers can be offloaded to


def plan_steps(models: Sequence[OpenedFile], wanted: Wanted) -> list[Step]:
    """All steps, best first; none twice."""
    seen: dict[str, Step] = {}
    for step in _ordered(models, wanted):
        seen.setdefault(step.key, step)
    return list(seen.values())


def _ordered(models: Sequence[OpenedFile], wanted: Wanted) -> Iterator[Step]:
    if wanted.has_device:
        yield DeviceContextStep()
    yield from (KernelsStep(model) for model in models if model.shape.head_dims)
    first = _asked(FIRST_PAIRS, wanted) or wanted.pairs
    mixed = _asked(MIXED_PAIRS, wanted)
    others = _asked(SYMMETRIC_PAIRS, wanted)
    # A model of each kind once, then contexts and the pairs people use.
    yield from _memory(models, wanted, wanted.contexts[:1], first[:1], "on")
    yield from _memory(models, wanted, wanted.contexts, first[:2], "on")
    yield from _memory(models, wanted, wanted.contexts, first[:1], "off")
    yield from _speed(models[:6], wanted, first[:2])
    yield from _partial(models[:1], wanted, first[:2])
    yield from _memory(models, wanted, wanted.contexts, (*first[2:], *mixed), "on")
    yield from _speed(models[:6], wanted, (*first[2:], *mixed))
    yield from _memory(models, wanted, wanted.contexts, others, "on")
    yield from _memory(models, wanted, wanted.contexts, (*others, *mixed), "off")
    yield from _memory(models, wanted, wanted.contexts, wanted.pairs, "on")
    yield from _speed(models, wanted, (*first, *mixed))


def _asked(pairs: Sequence[Pair], wanted: Wanted) -> tuple[Pair, ...]:
    return tuple(pair for pair in pairs if not wanted.pairs or pair in wanted.pairs)


def _memory(
    models: Sequence[OpenedFile],
    wanted: Wanted,
    contexts: Sequence[int],
    pairs: Sequence[Pair],
    flash_attn: str,
) -> Iterator[Step]:
    for context in contexts:
        for pair in pairs:
            for model in models:
                yield MemoryStep(model, _options(wanted, context, pair, flash_attn))


def _partial(models: Sequence[OpenedFile], wanted: Wanted, pairs: Sequence[Pair]) -> Iterator[Step]:
    """Half the layers, and the output layer alone with one block."""
    if not wanted.has_device:
        return
    for context in wanted.contexts[:2]:
        for pair in pairs:
            for model in models:
                for layers in (len(model.shape.layers) // 2, 2):
                    yield MemoryStep(model, _options(wanted, context, pair, "on", layers))


def _speed(models: Sequence[OpenedFile], wanted: Wanted, pairs: Sequence[Pair]) -> Iterator[Step]:
    for pair in pairs:
        for model in models:
            trained = model.shape.n_ctx_train
            depths = tuple(depth for depth in wanted.depths if not trained or depth < trained)
            if depths:
                options = _options(wanted, depths[-1] + ROOM_FOR_ANSWER, pair, "on")
                yield SpeedStep(model, options, depths)


def _options(
    wanted: Wanted, context: int, pair: Pair, flash_attn: str, n_gpu_layers: int | None = None
) -> LoadOptions:
    changed = {
        "ctx_size": context,
        "cache_type_k": pair[0],
        "cache_type_v": pair[1],
        "flash_attn": flash_attn,
        "rpc": wanted.rpc,
    }
    if n_gpu_layers is not None:
        changed["n_gpu_layers"] = n_gpu_layers
    return LoadOptions(**changed)


def _written(options: LoadOptions) -> str:
    """The options that differ from the defaults; of RPC servers only how many, their ports being any."""
    changed = changed_options(options)
    if servers := changed.pop("rpc", ()):
        changed["devices"] = len(servers)
    return " ".join(f"{name}={value}" for name, value in changed.items())
