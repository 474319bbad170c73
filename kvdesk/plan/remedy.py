"""The next step after a failure: the one change of options that most likely helps, or the same once more."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from kvdesk.errors import KvDeskError
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, Kind, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.plan.advice import advise
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.configure import configure, uses_gpu
from kvdesk.plan.offer import Changes
from kvdesk.plan.options import BY_NAME, LoadOptions
from kvdesk.plan.parse import flag_of, write_value
from kvdesk.plan.solve import Tried, attempt

LEAST_CTX, LEAST_UBATCH = 512, 32
_PAIRS = (("q8_0", "q8_0"), ("q8_0", "q4_0"), ("q4_0", "q4_0"))
_WIDTH = {"f32": 4, "f16": 3, "bf16": 3, "q8_0": 2}  # others are narrower

Step = Literal["ubatch", "outputs", "pair", "context", "layers", "mapping"]
# By what the memory was for, as the autopsy names it: what is tried first, and the kinds that must shrink.
_ORDERS: dict[str, tuple[tuple[Step, ...], tuple[Kind, ...]]] = {
    "the weights": (("mapping", "layers"), (Kind.WEIGHTS,)),
    "the mapped file": (("layers",), (Kind.WEIGHTS,)),
    "the K and V cache": (("pair", "context", "layers"), (Kind.K, Kind.V)),
    "the recurrent state": (("layers",), (Kind.RECURRENT,)),
    "the output buffer": (("outputs",), (Kind.OUTPUT,)),
    "the compute buffer": (("ubatch", "outputs", "context", "pair", "layers"), (Kind.COMPUTE,)),
    "the computation": (("ubatch", "context", "pair", "layers"), (Kind.COMPUTE, Kind.WORK_BUFFER)),
}
_ANY: tuple[Step, ...] = ("pair", "context", "ubatch", "outputs", "layers", "mapping")
# llama.cpp allocates in this order, so that less of what comes first leaves more for what comes later.
_ALLOCATION = (Kind.WEIGHTS, Kind.K, Kind.V, Kind.RECURRENT, Kind.OUTPUT, Kind.COMPUTE, Kind.WORK_BUFFER)
AGAIN = Phrase("Load it again as it was and go on.")
END_AND_LOAD = Phrase("End the engine, load it again and go on.")


@dataclass(frozen=True, slots=True)
class RemedyOffer:
    """Options to load with, and in a sentence what they change and that the chat goes on.

    `ends_engine`: the engine is still there and is to be ended for it. `changes` are the options that differ.
    """

    options: LoadOptions
    sentence: Phrase
    ends_engine: bool = False
    changes: Changes = ()


def remedy_for(
    cause: str,
    message: Phrase,
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    reserve_bytes: int,
    *,
    while_loading: bool,
) -> RemedyOffer | None:
    """The next step after the end of an engine with this cause (`protocol.ExitCause`) and message.

    None where the same once more would end the same and nothing else is known to help.
    """
    values = Phrase(message).values
    if cause == "out_of_memory":
        purpose, where = str(values.get("purpose", "")), str(values.get("where", ""))
        return smaller(shape, options, devices, reserve_bytes, purpose, where)
    if cause == "aborted" and "server" in values:
        without = without_server(shape, options, devices, reserve_bytes, str(values["server"]))
        return without or again(options)
    if cause == "aborted":
        return plainer(shape, options, devices, reserve_bytes, while_loading=while_loading)
    return again(options)


def again(options: LoadOptions) -> RemedyOffer:
    """The same once more: what happened may have had nothing to do with the options."""
    return RemedyOffer(options, AGAIN)


def smaller(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    reserve_bytes: int,
    purpose: str = "",
    where: str = "",
) -> RemedyOffer | None:
    """The next step down after memory ran out for `purpose` on `where`; None where there is none.

    Where the arithmetic, too, says that it does not fit, the cheapest change that is enough by it is offered,
    else the first step that takes less: the arithmetic cannot know what an allocation was refused for. Either
    must make what failed smaller, or at least what was allocated before it on the same device.
    """
    order, kinds = _ORDERS.get(purpose, (_ANY, _ALLOCATION))
    before_it = _ALLOCATION[: _ALLOCATION.index(kinds[-1]) + 1]
    try:
        trial = _Trial(shape, options, devices, reserve_bytes, _names(where, devices, options))
        enough = [found.changes for found in advise(shape, options, devices, trial.limits) if found.fits]
        steps = [*_steps(shape, options, devices, order), *_steps(shape, options, devices, _ANY)]
        for shrinking in (kinds, before_it):
            for changes in (*enough, *steps):
                if trial.takes_less(changes, shrinking):
                    return _offer(options, changes)
    except KvDeskError:  # these options make no configuration
        return None
    return None


def plainer(
    shape: ModelShape,
    options: LoadOptions,
    devices: Sequence[Device],
    reserve_bytes: int,
    *,
    while_loading: bool,
) -> RemedyOffer | None:
    """The next step after llama.cpp gave up: what is unusual goes first, then the GPU, then long ubatches.

    None where nothing is left, and where a load with plain options failed: it would fail again.
    """
    found: list[Changes] = []
    if (options.cache_type_k, options.cache_type_v) != ("f16", "f16"):
        found.append((("cache_type_k", "f16"), ("cache_type_v", "f16")))
    if uses_gpu(options, devices):
        found.append((("n_gpu_layers", 0),))
    if not while_loading:
        found += _steps(shape, options, devices, ("ubatch",))
    try:
        trial = _Trial(shape, options, devices, reserve_bytes, frozenset())
        return next((_offer(options, changes) for changes in found if trial.is_possible(changes)), None)
    except KvDeskError:
        return None


def without_server(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], reserve_bytes: int, server: str
) -> RemedyOffer | None:
    """The same without an RPC server that is gone; None where the others have no room for its part."""
    named = (*options.device, *options.override_tensor)
    if server not in options.rpc or any("RPC" in name for name in named):
        return None  # llama.cpp numbers the servers that are left anew
    others = [device for device in devices if device.kind != "cpu"]
    split = options.tensor_split
    if len(split) == len(others):
        split = tuple(
            share for share, device in zip(split, others, strict=True) if device.description != server
        )
    changed = msgspec.structs.replace(
        options, rpc=tuple(each for each in options.rpc if each != server), tensor_split=split
    )
    left = [device for device in devices if device.description != server]
    limits = ceilings(left, Amount(reserve_bytes))
    try:
        if attempt(shape, changed, left, limits, changed.ctx_size).margin_bytes < 0:
            return None
    except KvDeskError:
        return None
    sentence = Phrase("Load it without the RPC server {server} and go on.", server=server)
    return RemedyOffer(changed, sentence, changes=(("rpc", changed.rpc), ("tensor_split", split)))


class _Trial:
    """Tries changes of options on paper; `names` are the devices where memory ran out."""

    def __init__(
        self,
        shape: ModelShape,
        options: LoadOptions,
        devices: Sequence[Device],
        reserve_bytes: int,
        names: frozenset[str],
    ) -> None:
        self.limits = ceilings(devices, Amount(reserve_bytes))
        self._shape, self._options, self._devices, self._names = shape, options, devices, names
        self._before = self._attempt(options)

    def is_possible(self, changes: Changes) -> bool:
        """Whether llama.cpp takes the changed options, and they fit or are nearer to it than before."""
        changed = msgspec.structs.replace(self._options, **dict(changes))
        found = refusals(self._shape, configure(changed, self._shape, self._devices))
        if any(not refusal.is_warning for refusal in found):
            return False
        return self._attempt(changed).margin_bytes >= min(0, self._before.margin_bytes)

    def takes_less(self, changes: Changes, kinds: Sequence[Kind]) -> bool:
        """Whether the changed options are possible and take less of these kinds where memory ran out."""
        if not self.is_possible(changes):
            return False
        after = self._attempt(msgspec.structs.replace(self._options, **dict(changes)))
        return self._taken(after.report, kinds) < self._taken(self._before.report, kinds)

    def _attempt(self, options: LoadOptions) -> Tried:
        return attempt(self._shape, options, self._devices, self.limits, options.ctx_size)

    def _taken(self, report: MemoryReport, kinds: Sequence[Kind]) -> int:
        return sum(
            item.bytes
            for item in report.items
            if item.kind in kinds and item.device in self._names and not item.is_reclaimable
        )


def _names(where: str, devices: Sequence[Device], options: LoadOptions) -> frozenset[str]:
    """The devices that a name in llama.cpp's log can mean: a buffer type's, "device 0", or nothing."""
    others = [device for device in devices if device.kind != "cpu"]
    exact = [each for each in others if where == each.name or where.endswith(f"[{each.description or None}]")]
    if exact:
        return frozenset(device.name for device in exact)
    if where.startswith("CPU") or where.endswith("_Host") or not uses_gpu(options, devices):
        return frozenset(device.name for device in devices if device.kind == "cpu")
    return frozenset(device.name for device in others)


def _steps(
    shape: ModelShape, options: LoadOptions, devices: Sequence[Device], order: Sequence[Step]
) -> Iterator[Changes]:
    for step in order:
        match step:
            case "ubatch":
                ubatch = options.ubatch_size or options.batch_size
                yield from ((("ubatch_size", size),) for size in _halves(ubatch, LEAST_UBATCH))
            case "outputs" if options.n_outputs_max not in {None, options.parallel}:
                yield (("n_outputs_max", None),)
            case "pair":
                yield from _narrower(options)
            case "context":
                ctx = options.ctx_size or shape.n_ctx_train  # 0 is the trained one
                yield from ((("ctx_size", size),) for size in _halves(ctx, LEAST_CTX))
            case "layers" if uses_gpu(options, devices):
                yield from ((("n_gpu_layers", count),) for count in _fewer(options, shape.n_layer + 1))
            case "mapping":
                if not options.mmap:
                    yield (("mmap", True),)
                if options.repack:
                    yield (("repack", False),)
            case _:
                pass


def _narrower(options: LoadOptions) -> Iterator[Changes]:
    width = _WIDTH.get(options.cache_type_k, 1) + _WIDTH.get(options.cache_type_v, 1)
    for k, v in _PAIRS:
        if _WIDTH.get(k, 1) + _WIDTH.get(v, 1) < width:
            yield (("cache_type_k", k), ("cache_type_v", v))


def _fewer(options: LoadOptions, most: int) -> Iterator[int]:
    layers = options.n_gpu_layers if isinstance(options.n_gpu_layers, int) else -1
    layers = most if layers < 0 else min(layers, most)
    while layers > 0:
        layers = layers * 3 // 4
        yield layers


def _halves(size: int, least: int) -> Iterator[int]:
    while size > least:
        size = max(least, size // 2)
        yield size


def _offer(options: LoadOptions, changes: Changes) -> RemedyOffer:
    values = dict(changes)
    parts: list[str] = []
    if "ubatch_size" in values:
        parts.append(Phrase("a ubatch of {n}", n=values.pop("ubatch_size")))
    if "cache_type_k" in values:
        k, v = values.pop("cache_type_k"), values.pop("cache_type_v", options.cache_type_v)
        parts.append(Phrase("K as {k} and V as {v}", k=k, v=v))
    if "ctx_size" in values:
        parts.append(Phrase("a context of {n} tokens", n=values.pop("ctx_size")))
    if "n_gpu_layers" in values:
        parts.append(Phrase("{n} layers on the GPU", n=values.pop("n_gpu_layers")))
    if values.pop("mmap", False):
        parts.append(Phrase("its file mapped into memory"))
    parts += (written(name, value) for name, value in values.items())
    sentence = Phrase("Load it with {changes} and go on.", changes=joined(parts, " and "))
    return RemedyOffer(msgspec.structs.replace(options, **dict(changes)), sentence, changes=changes)


def written(name: str, value: object) -> str:
    """An option as one writes it on a command line."""
    row = BY_NAME[name]
    if value is False and row.spec.off_flags:
        return row.spec.off_flags[-1]
    return flag_of(row) if value is True else f"{flag_of(row)} {write_value(row, value)}"
