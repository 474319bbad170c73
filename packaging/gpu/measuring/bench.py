"""Carries out the steps: each becomes one row, whatever happens to the engine on the way."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from kvdesk.engine.protocol import (
    Chat,
    CountTokens,
    DevicesListed,
    DryRun,
    KernelsProbed,
    ListDevices,
    Load,
    Loaded,
    Message,
    Planned,
    TokensCounted,
    TurnDone,
)
from kvdesk.errors import EngineError, KvDeskError, StartFailed
from kvdesk.memory.cpu import this_cpu
from kvdesk.memory.estimate import estimate
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device, MemoryReport
from kvdesk.plan.configure import configure
from kvdesk.plan.load_record import Degrees, buffer_accounts
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.session.kernels import kernel_question
from kvdesk.units import format_bytes
from measuring.engine import Clock, Engine, failure_of
from measuring.instruments import Instruments
from measuring.models import OpenedFile
from measuring.rows import (
    DeviceContextRow,
    Failure,
    KernelsRow,
    Measurement,
    MemoryRow,
    Reading,
    SpeedPoint,
    SpeedRow,
    changed_options,
)
from measuring.steps import DeviceContextStep, KernelsStep, MemoryStep, SpeedStep, Step

WRITTEN_TOKENS = 48  # for a speed; fewer for a turn that only has to have been
TURN_ANSWER = 4
_PROBE_WORDS = 400

# All logits of a model of zeros are equal: the likeliest token is the vocabulary's first. Where that ends the
# answer, any token is taken at random.
_FIRST = Sampling(temperature=0.0, seed=1)
_ANY = Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=1)


class LeftOut(Exception):
    """A step that cannot be measured here and is no row: the reason."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What the steps have in common: the run's number, the RPC servers, how long the turn after a load is."""

    run: int
    rpc: tuple[str, ...] = ()
    turn_tokens: int = 600


class Bench:
    """Measures steps. One planner lives through them all; each load has an engine of its own."""

    def __init__(
        self,
        clock: Clock,
        instruments: Instruments,
        setting: Setting,
        start: Callable[[Clock, str], Engine] = Engine,
    ) -> None:
        self._clock = clock
        self._instruments = instruments
        self._setting = setting
        self._start = start
        self._planner: Engine | None = None

    def close(self) -> None:
        """End the planner."""
        if self._planner is not None:
            self._planner.close()
            self._planner = None

    def planner(self) -> Engine:
        """The planner; a new one after a crash."""
        if self._planner is None or not self._planner.is_running():
            self.close()
            self._planner = self._start(self._clock, "planner")
        return self._planner

    def devices(self) -> tuple[Device, ...]:
        """The devices there are now, the host last."""
        return self._list(self.planner())

    def measure(self, step: Step) -> Measurement:
        """Measure one step. Raises LeftOut for what cannot be tried here, OutOfTime."""
        self._clock.begin_step()
        began = time.monotonic()
        row = self._row(step)
        return replace(row, elapsed_s=round(time.monotonic() - began, 3))

    def _row(self, step: Step) -> Measurement:
        match step:
            case DeviceContextStep():
                return self._device_context(step)
            case KernelsStep():
                return self._kernels(step)
            case MemoryStep():
                return self._memory(step)
            case SpeedStep():
                return self._speed(step)

    # ------------------------------------------------------------------------------------------ the steps

    def _device_context(self, step: DeviceContextStep) -> DeviceContextRow:
        devices = self.devices()
        readings = [self._instruments.read("nothing", None, devices)]
        failure = None
        with self._start(self._clock, "context") as engine:
            try:
                engine.wait_for_greeting()
                readings.append(self._instruments.read("greeted", engine.pid, devices))
                inside = self._list(engine)
                readings.append(self._instruments.read("listed", engine.pid, devices, inside))
            except KvDeskError as error:
                failure = failure_of(error)
        return DeviceContextRow(**self._about(step), failure=failure, readings=tuple(readings))

    def _kernels(self, step: KernelsStep) -> KernelsRow:
        model = step.model
        question = kernel_question(model.shape, self._setting.rpc)
        if question is None:
            raise LeftOut("the model has no attention")
        supported: dict[str, list[str]] = {}
        failure = None
        try:
            for answer in self.planner().ask(question, KernelsProbed).answers:
                pairs = supported.setdefault(answer.device, [])
                if answer.supported:
                    pairs.append(f"{answer.cache_type_k}/{answer.cache_type_v}")
        except KvDeskError as error:
            failure = failure_of(error)
        return KernelsRow(
            **self._about(step),
            failure=failure,
            model=model.file,
            kind=model.kind,
            head_dims=model.shape.head_dims,
            supported={device: tuple(pairs) for device, pairs in supported.items()},
        )

    def _memory(self, step: MemoryStep) -> MemoryRow:
        model, options = step.model, step.options
        devices = self.devices()
        config = configure(options, model.shape, devices)
        estimated = estimate(model.shape, config)
        against = tuple(each.option for each in refusals(model.shape, config) if not each.is_warning)
        row = MemoryRow(
            **self._about(step),
            model=model.file,
            kind=model.kind,
            options=changed_options(options),
            cpu=this_cpu().value,
            devices=config.devices,
            needed_bytes={device.name: estimated.needed_bytes(device.name) for device in config.devices},
            refused=against,
        )
        planned, refusal = self._plan(model, options, estimated)
        row = replace(row, buffers=buffer_accounts(Degrees(estimated, planned)), refusal=refusal)
        if refusal is not None:
            return row
        _require_room(estimated)
        return self._loaded(row, model, options, Degrees(estimated, planned))

    def _plan(
        self, model: OpenedFile, options: LoadOptions, estimated: MemoryReport
    ) -> tuple[MemoryReport | None, Failure | None]:
        try:
            planned = self.planner().ask(
                lambda number: DryRun(id=number, model=model.path, options=options), Planned
            )
        except KvDeskError as error:
            return None, failure_of(error)
        return planned.report, None

    def _loaded(self, row: MemoryRow, model: OpenedFile, options: LoadOptions, degrees: Degrees) -> MemoryRow:
        devices, read = row.devices, self._instruments.read
        readings: list[Reading] = [read("nothing", None, devices)]
        with self._start(self._clock, "engine") as engine:
            try:
                readings.append(read("listed", engine.pid, devices, self._list(engine)))
                loaded = engine.ask(lambda number: Load(id=number, model=model.path, options=options), Loaded)
                readings.append(read("loaded", engine.pid, devices, self._list(engine)))
            except KvDeskError as error:
                return replace(row, readings=tuple(readings), failure=failure_of(error))
            row = replace(
                row,
                buffers=buffer_accounts(Degrees(degrees.estimated, degrees.planned, loaded.report)),
                notes=tuple(str(note) for note in loaded.notes),
            )
            try:
                words = self._words(engine, min(self._setting.turn_tokens, loaded.n_ctx_seq // 2))
                _turn(engine, words, TURN_ANSWER, _FIRST)
                readings.append(read("used", engine.pid, devices, self._list(engine)))
            except KvDeskError as error:
                row = replace(row, turn_failure=failure_of(error))
        return replace(row, readings=tuple(readings))

    def _speed(self, step: SpeedStep) -> SpeedRow:
        model, options = step.model, step.options
        row = SpeedRow(
            **self._about(step), model=model.file, kind=model.kind, options=changed_options(options)
        )
        config = configure(options, model.shape, self.devices())
        if any(not each.is_warning for each in refusals(model.shape, config)):
            raise LeftOut("llama.cpp refuses these options")
        _require_room(estimate(model.shape, config))
        points: list[SpeedPoint] = []
        with self._start(self._clock, "speed") as engine:
            try:
                engine.ask(lambda number: Load(id=number, model=model.path, options=options), Loaded)
                _turn(engine, self._words(engine, 64), TURN_ANSWER, _FIRST)  # warms everything up
                for depth in step.depths:
                    points.append(self._point(engine, depth))
            except KvDeskError as error:
                row = replace(row, failure=failure_of(error))
        return replace(row, points=tuple(points))

    # ------------------------------------------------------------------------------------------- the turns

    def _point(self, engine: Engine, depth: int) -> SpeedPoint:
        words = self._words(engine, depth)
        done = _turn(engine, words, WRITTEN_TOKENS, _FIRST)
        reused, read_s = done.reused_tokens, done.prefill_s
        read_tokens = done.prompt_tokens - reused
        if done.completion_tokens < WRITTEN_TOKENS // 2:
            done = _turn(engine, words, WRITTEN_TOKENS, _ANY)
        return SpeedPoint(reused, read_tokens, read_s, done.completion_tokens, done.decode_s)

    def _words(self, engine: Engine, tokens: int) -> str:
        """A text whose prompt has about that many tokens; the beginnings of two such texts are alike."""

        def count(words: int) -> int:
            asked = (Message("user", _text(words)),)
            return engine.ask(
                lambda number: CountTokens(id=number, messages=asked), TokensCounted
            ).prompt_tokens

        few, many = count(1), count(1 + _PROBE_WORDS)
        if many <= few:
            raise EngineError("This vocabulary takes no plain words.")
        return _text(max(1, round((tokens - few) * _PROBE_WORDS / (many - few))))

    # --------------------------------------------------------------------------------------------- the rest

    def _list(self, engine: Engine) -> tuple[Device, ...]:
        return engine.ask(lambda number: ListDevices(id=number, rpc=self._setting.rpc), DevicesListed).devices

    def _about(self, step: Step) -> dict[str, Any]:
        return {
            "date": datetime.now(UTC).replace(microsecond=0),
            "run": self._setting.run,
            "key": step.key,
            "elapsed_s": 0.0,
        }


def _turn(engine: Engine, words: str, max_tokens: int, sampling: Sampling) -> TurnDone:
    limited = replace(sampling, max_tokens=max_tokens)
    asked = (Message("user", words),)
    return engine.ask(lambda number: Chat(id=number, messages=asked, sampling=limited), TurnDone)


def _text(words: int) -> str:
    return "the" + " the" * (words - 1)


def require_device(accelerator: str, devices: Sequence[Device]) -> None:
    """Raise StartFailed where a GPU is to be measured and llama.cpp sees none."""
    if accelerator != "cpu" and all(device.kind != "gpu" for device in devices):
        raise StartFailed(
            "llama.cpp sees no GPU here.",
            "Look at nvidia-smi; was llama.cpp built with CUDA? Without a GPU, try --accelerator cpu.",
        )


def _require_room(estimated: MemoryReport) -> None:
    for device in estimated.devices:
        if estimated.fits(device) is False:
            needed = format_bytes(estimated.needed_bytes(device.name))
            raise LeftOut(f"{device.name} would need {needed} and has {format_bytes(device.free_bytes)}")
