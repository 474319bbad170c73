"""What a chat in the terminal knows of the room in its context: speeds, steps up, what falls out."""

from collections.abc import Sequence

from kvdesk.cli.hardware import read_sensors
from kvdesk.engine.protocol import Loaded, Rebuilt, Rehearsed, TokensCounted, TurnDone
from kvdesk.memory.report import Device
from kvdesk.plan.budget import Amount, ceilings
from kvdesk.plan.depth_curve import DepthCurve
from kvdesk.plan.ladder import ladder, rung
from kvdesk.plan.offer import Rung
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.overflow import Overflow, Way, Weighed, overflow_of
from kvdesk.plan.paces import PacesFile, copy_key, curve_key
from kvdesk.session.arithmetic import identity
from kvdesk.session.counting import FIRST_ANSWER_TOKENS
from kvdesk.session.devices import merge
from kvdesk.session.growing import with_context_of
from kvdesk.session.opened import OpenedModel
from kvdesk.settings.places import find_places
from kvdesk.settings.store import SettingsStore


class Room:
    """The loaded context, what this machine has shown of it, and what else would fit."""

    def __init__(
        self, model: OpenedModel, loaded: Loaded, listed: Sequence[Device], asked: LoadOptions, most: int
    ) -> None:
        self.model = model
        self.options = loaded.options
        self._asked = asked
        self._most_tokens = most  # of an answer, negative without a limit
        self.n_ctx = loaded.n_ctx_seq
        self.report = loaded.report
        self.asked_ctx = asked.ctx_size
        self.planned_ctx: int | None = None
        self._listed = tuple(listed)
        self._file = PacesFile(find_places().paces)
        self._paces = self._file.read()
        self._answers: list[int] = []
        self.settings, _ = SettingsStore(find_places().settings).load()

    @property
    def curve(self) -> DepthCurve:
        """How fast this machine reads prompts with what is loaded."""
        return self._paces.curve(self._key)

    @property
    def expected_tokens(self) -> int:
        """How long the next answer is taken to be: as the latest were, and no longer than is allowed."""
        expected = sorted(self._answers)[len(self._answers) // 2] if self._answers else FIRST_ANSWER_TOKENS
        return min(expected, self._most_tokens) if self._most_tokens >= 0 else expected

    def ladder(self, held_tokens: int) -> tuple[Rung, ...]:
        """The steps to a larger context."""
        devices = self._devices()
        limits = ceilings(devices, Amount(self.settings.reserve_bytes))
        return ladder(self.model.shape, self._changeable, devices, limits, held_tokens, self._paces)

    def step(self, held_tokens: int, **changes: object) -> Rung | None:
        """What another context would take."""
        devices = self._devices()
        limits = ceilings(devices, Amount(self.settings.reserve_bytes))
        shape = self.model.shape
        return rung(shape, self._changeable, devices, limits, held_tokens, self._paces, **changes)

    def overflow(self, weighed: Sequence[Weighed], said: TokensCounted) -> Overflow | None:
        """What will not fit of a prompt with its answer, and the ways on."""
        steps = self.ladder(said.prompt_tokens) if self._is_too_long(said) else ()
        grow = Way("grow", steps[0].cost, steps[0].seconds) if steps else None
        return overflow_of(
            weighed,
            said.prompt_tokens,
            self.expected_tokens,
            self.n_ctx,
            obstacle=said.shift_obstacle,
            seconds=self.curve.seconds,
            decode_tokens_per_s=self.curve.decode_tokens_per_s,
            grow=grow,
        )

    def answered(self, done: TurnDone) -> None:
        """Learn from a turn."""
        curve = self.curve
        if done.stop_reason != "cancelled":
            self._answers = [*self._answers[-4:], done.completion_tokens]
            read = done.prompt_tokens - done.reused_tokens
            curve = curve.with_reading(done.reused_tokens, read, done.prefill_s)
        self._keep(curve.with_decode(done.completion_tokens, done.decode_s))

    def rehearsed(self, said: Rehearsed) -> None:
        """Learn from a rehearsal."""
        curve, batch = self.curve, self.options.ubatch_size
        for speed in said.speeds:
            if speed.prefill_tokens_per_s > 0:
                curve = curve.with_reading(speed.depth, batch, batch / speed.prefill_tokens_per_s)
        self._keep(curve)

    def rebuilt(self, said: Rebuilt, asked: LoadOptions) -> None:
        """Take over another context."""
        self.options, self.n_ctx, self.report = said.options, said.n_ctx_seq, said.report
        self.asked_ctx, self.planned_ctx = asked.ctx_size, None
        if said.how in ("copied", "converted"):
            key = copy_key(self._listed, said.route, said.how)
            self._paces = self._paces.with_rebuild(key, said.state_bytes, said.copy_s, said.elapsed_s)
            self._file.save(self._paces)

    @property
    def model_id(self) -> str:
        """The model's short name by its content."""
        return identity(self.model.header)

    @property
    def _changeable(self) -> LoadOptions:
        """What was asked for, with the context that there is."""
        return with_context_of(self._asked, self.options)

    @property
    def _key(self) -> str:
        return curve_key(self.model_id, self.options, self._listed)

    def _devices(self) -> tuple[Device, ...]:
        """The devices with what is free now; what the loaded model holds counts as free."""
        return merge(self._listed, read_sensors(), self.report)

    def _is_too_long(self, said: TokensCounted) -> bool:
        return said.prompt_tokens + self.expected_tokens > self.n_ctx

    def _keep(self, curve: DepthCurve) -> None:
        if curve != self.curve:
            self._paces = self._paces.with_curve(self._key, curve)
            self._file.save(self._paces)


def as_json(step: Rung) -> dict[str, object]:
    """A step of the ladder for programs."""
    return {
        "ctx_size": step.ctx_size,
        "cache_type_k": step.options.cache_type_k,
        "cache_type_v": step.options.cache_type_v,
        "route": step.route,
        "state_bytes": step.state_bytes,
        "extra_bytes": step.extra_bytes,
        "margin_bytes": step.margin_bytes,
        "seconds": step.seconds,
        "is_measured": step.is_measured,
        "cost": step.cost,
    }


def overflow_json(found: Overflow) -> dict[str, object]:
    """An overflow for programs."""
    return {
        "n_ctx": found.n_ctx,
        "prompt_tokens": found.prompt_tokens,
        "expected_tokens": found.expected_tokens,
        "excess_tokens": found.excess_tokens,
        "messages": found.ids,
        "dropped_tokens": found.dropped_tokens,
        "reread_tokens": found.reread_tokens,
        "obstacle": found.obstacle,
        "ways": [
            {"kind": w.kind, "is_possible": w.is_possible, "seconds": w.seconds, "cost": w.cost}
            for w in found.ways
        ],
    }
