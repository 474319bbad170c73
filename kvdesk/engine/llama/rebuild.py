"""Gives a loaded model another context and carries over what the cache holds, with nothing read again.

Until the new context has been proven to expect the same next token, the old contents are kept; whatever goes
wrong or is cancelled before, the conversation is as it was.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.layout import POSITION_OPTIONS, UnknownLayout, format_of, why_unsafe
from kvdesk.engine.llama.next_token import Scores, divergence, is_full, most_divergence, next_scores
from kvdesk.engine.llama.parameters import physical_cores
from kvdesk.engine.llama.space import Space, new_space, put_state, state_bytes, take_state
from kvdesk.engine.llama.transcode import Transcoding
from kvdesk.engine.protocol import Rebuild, RebuildProgress
from kvdesk.errors import Cancelled, DoesNotFit, EngineError, OptionError
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import Device
from kvdesk.phrases import Phrase, joined
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions

Stage = Literal["saving", "context", "converting", "restoring", "checking", "reading"]
How = Literal["copied", "converted", "reread", "empty"]

# What a context decides (context_parameters); everything else is the model's and needs a load.
_OF_CONTEXT = (
    "ctx_size",
    "batch_size",
    "ubatch_size",
    "parallel",
    "n_outputs_max",
    "threads",
    "threads_batch",
    "cache_type_k",
    "cache_type_v",
    "flash_attn",
    "kv_offload",
    "op_offload",
    "swa_full",
    "kv_unified",
    *POSITION_OPTIONS,
)


@dataclass(slots=True)
class Outcome:
    """What became of the cache's contents; the fields are those of `Rebuilt`, and `copy_s` in two parts."""

    how: How = "empty"
    kept_tokens: int = 0
    state_bytes: int = 0
    moving_s: float = 0.0
    converting_s: float = 0.0
    divergence: float | None = None
    why: Phrase = Phrase("")

    @property
    def copy_s(self) -> float:
        """The time that moving and converting took."""
        return self.moving_s + self.converting_s


class Rebuilding:
    """One rebuild. `open_context` makes a context of the loaded model; `emit` hears how far it is.

    `devices` are those there are, the host last.
    """

    def __init__(
        self,
        command: Rebuild,
        context: Context,
        devices: Sequence[Device],
        open_context: Callable[[LoadOptions], Context],
        emit: Callable[[RebuildProgress], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._command = command
        self._context = context
        self._devices = devices
        self._tokens = list(context.tokens)
        self._open = open_context
        self._emit = emit
        self._is_cancelled = is_cancelled
        self._outcome = Outcome(kept_tokens=len(self._tokens))
        self._is_tight = is_full(context)  # one of the contexts has no room for a token more

    def run(self) -> Outcome:
        """Replace what is in the context object, or leave it as it was.

        Raises OptionError for options that need a load, DoesNotFit, OutOfMemory, EngineError, Cancelled. A
        context that could not even be made again after a failure has no handle.
        """
        self._check()
        saved = self._save()
        if self._command.route == "device":
            self._beside(saved)
        else:
            self._after(saved)
        return self._outcome

    def _check(self) -> None:
        """Refuse what cannot work while nothing has been touched."""
        options, asked, shape = self._command.options, self._context.asked, self._context.model.shape
        others = [
            name
            for name in LoadOptions.__struct_fields__
            if name not in _OF_CONTEXT and getattr(options, name) != getattr(asked, name)
        ]
        if others:
            raise OptionError(
                "{names} cannot be changed while the model is loaded.",
                "Load the model again with these options.",
                names=joined(f"--{name.replace('_', '-')}" for name in others),
            )
        if shape is None:
            return
        config = configure(options, shape, self._devices)
        for refusal in refusals(shape, config):
            if not refusal.is_warning and refusal.option in _OF_CONTEXT:
                raise OptionError(refusal.message, refusal.hint)
        self._check_size(config.n_ctx_seq)
        self._is_tight = self._is_tight or len(self._tokens) == config.n_ctx_seq

    def _check_size(self, n_ctx_seq: int) -> None:
        if len(self._tokens) > n_ctx_seq:
            raise DoesNotFit(
                "The conversation holds {held} tokens and the new context would have {context}.",
                "Choose a larger context, or drop messages first.",
                held=len(self._tokens),
                context=n_ctx_seq,
            )

    def _save(self) -> Space | None:
        if not self._tokens:
            return None
        self._tell("saving", 0.0)
        folder = self._command.folder if self._command.route == "disk" else ""
        started_s = time.perf_counter()
        saved = new_space(state_bytes(self._context), folder)
        take_state(self._context, saved)
        self._outcome.moving_s += time.perf_counter() - started_s
        self._outcome.state_bytes = saved.n_bytes
        self._tell("saving", 1.0)
        return saved

    def _beside(self, saved: Space | None) -> None:
        """Both contexts at once: the old one is freed when the new one is proven."""
        new = self._make(self._command.options)
        try:
            self._fill(new, saved, self._expected(saved))
        except BaseException:
            new.close()
            raise
        self._context.become(new)

    def _after(self, saved: Space | None) -> None:
        """One context at a time: the contents rest in memory or on disk."""
        before = self._expected(saved)
        asked = self._context.asked
        self._context.close()
        try:
            new = self._make(self._command.options)
            try:
                self._fill(new, saved, before)
            except BaseException:
                new.close()
                raise
        except BaseException:
            old = self._open(asked)
            self._context.become(old)
            if saved is not None:
                put_state(self._context, saved, self._tokens)
            raise
        self._context.become(new)

    def _expected(self, saved: Space | None) -> Scores | None:
        """What the old context expects to come next."""
        if saved is None:
            return None
        self._tell("checking", 0.0)
        return next_scores(self._context, again=self._is_tight)

    def _make(self, options: LoadOptions) -> Context:
        self._stop_if_cancelled()
        self._tell("context", 0.0)
        context = self._open(options)
        self._tell("context", 1.0)
        return context

    def _fill(self, new: Context, saved: Space | None, before: Scores | None) -> None:
        if saved is None:
            return
        self._check_size(new.n_ctx_seq)
        why = self._why_reread(new, has_scores=before is not None)
        if not why:
            try:
                self._carry_over(new, saved)
            except UnknownLayout as error:
                why = error.message
        if why:
            self._outcome.how, self._outcome.why = "reread", why
            self._read_again(new)
            return
        self._tell("checking", 0.5)
        if before is not None and (after := next_scores(new, again=self._is_tight)) is not None:
            self._judge(before, after, new)
        self._tell("checking", 1.0)

    def _why_reread(self, new: Context, *, has_scores: bool) -> Phrase:
        old = self._context
        shape, source, target = old.model.shape, format_of(old), format_of(new)
        if any(getattr(old.options, name) != getattr(new.options, name) for name in POSITION_OPTIONS):
            return Phrase("positions are written into K, and their scaling has changed")
        if source == target:
            return Phrase("")
        if not has_scores:
            return Phrase("the full cache of a recurrent model cannot be checked after a conversion")
        return why_unsafe(shape, source)

    def _carry_over(self, new: Context, saved: Space) -> None:
        source, target = format_of(self._context), format_of(new)
        shape = new.model.shape
        if source == target or shape is None:
            self._outcome.how = "copied"
            self._restore(new, saved)
            return
        self._outcome.how = "converted"
        started_s = time.perf_counter()
        transcoding = Transcoding(saved.view, source, target, shape)
        folder = self._command.folder if self._command.route == "disk" else ""
        with new_space(transcoding.n_bytes, folder) as converted:
            transcoding.run(
                converted.view,
                new.options.threads or physical_cores(),
                lambda fraction: self._tell("converting", fraction),
                self._is_cancelled,
            )
            self._outcome.converting_s = time.perf_counter() - started_s
            self._restore(new, converted)

    def _restore(self, new: Context, space: Space) -> None:
        self._stop_if_cancelled()
        self._tell("restoring", 0.0)
        started_s = time.perf_counter()
        put_state(new, space, self._tokens)
        self._outcome.moving_s += time.perf_counter() - started_s
        self._tell("restoring", 1.0)

    def _read_again(self, new: Context) -> None:
        total = len(self._tokens)
        while len(new.tokens) < total:
            self._stop_if_cancelled()
            self._tell("reading", len(new.tokens) / total)
            new.decode(self._tokens[len(new.tokens) : len(new.tokens) + new.n_ubatch])
        self._tell("reading", 1.0)

    def _judge(self, before: Scores, after: Scores, new: Context) -> None:
        self._outcome.divergence = found = divergence(before, after)
        most = most_divergence(format_of(self._context), format_of(new))
        if not found <= most:  # not a number is too far, too
            raise EngineError(
                "The new cache predicts something else (divergence {found:.2g}; up to {most:.2g} is usual), "
                "so the old one was kept.",
                "Keep the cache as it is, or load the model again with these options.",
                found=found,
                most=most,
            )

    def _stop_if_cancelled(self) -> None:
        if self._is_cancelled():
            raise Cancelled

    def _tell(self, stage: Stage, fraction: float) -> None:
        self._emit(RebuildProgress(id=self._command.id, stage=stage, fraction=fraction))
