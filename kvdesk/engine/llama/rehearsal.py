"""Proves a loaded context: fills it to its last cell, writes at several depths, empties it, does it again.

A load only reserves. What a driver takes when kernels run, what grows with the depth, and what is not given
back in between shows only when the context is really filled; the second round finds what grew.
"""

import random
import time
from collections.abc import Callable, Sequence

import psutil

from kvdesk.engine.llama import devices
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.space import Space, new_space, put_state, state_bytes, take_state
from kvdesk.engine.protocol import HighWater, RehearsalProgress, Rehearse, Rehearsed, SpeedAtDepth
from kvdesk.errors import Cancelled, EngineError
from kvdesk.memory.report import Device
from kvdesk.plan.depth_curve import DepthCurve

ROUNDS = 2
STOPS = 6  # depths of a round at which tokens are written, the last at the very end
WRITTEN_TOKENS = 8  # at each of them
LOOK_INTERVAL_S = 0.25  # asking a device for its memory takes a moment, over a network a longer one


class Rehearsal:
    """One rehearsal. `handles` are the devices that the model may use; `emit` hears how far it is."""

    def __init__(
        self,
        command: Rehearse,
        context: Context,
        handles: Sequence[int],
        emit: Callable[[RehearsalProgress], None],
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._command = command
        self._context = context
        self._handles = handles
        self._emit = emit
        self._is_cancelled = is_cancelled
        self._most: dict[str, HighWater] = {}
        self._process_bytes = 0
        self._curve = DepthCurve()
        self._speeds: list[SpeedAtDepth] = []
        self._round_s: float | None = None  # what the first round took
        self._looked_s = float("-inf")

    def run(self) -> Rehearsed:
        """Fill, write and empty; the contents of the cache rest in host memory meanwhile and are put back,
        however it ends.

        Raises DoesNotFit when there is no room for them, OutOfMemory and EngineError for what llama.cpp
        says on the way, Cancelled.
        """
        context = self._context
        if not context.memory:
            raise EngineError("This model keeps no cache, so there is nothing to fill.")
        began_s = time.perf_counter()
        tokens = list(context.tokens)
        shelf = self._shelve()
        try:
            for number in range(1, ROUNDS + 1):
                self._speeds.clear()  # those of the last round are told: by then everything is warm
                self._fill(number)
        finally:
            context.keep(0)
            if shelf is not None:
                put_state(context, shelf, tokens)
        return Rehearsed(
            id=self._command.id,
            n_tokens=context.n_ctx_seq,
            rounds=ROUNDS,
            high_water=tuple(self._most.values()),
            process_bytes=self._process_bytes,
            speeds=tuple(self._speeds),
            elapsed_s=time.perf_counter() - began_s,
        )

    def _shelve(self) -> Space | None:
        if not self._context.tokens:
            return None
        shelf = new_space(state_bytes(self._context))
        take_state(self._context, shelf)
        return shelf

    def _fill(self, number: int) -> None:
        context, total = self._context, self._context.n_ctx_seq
        dummies = _dummies(context.model.n_vocab, total)
        stops = [max(0, total * (place + 1) // STOPS - WRITTEN_TOKENS) for place in range(STOPS)]
        began_s = time.perf_counter()
        context.keep(0)
        self._tell(number, began_s)
        while (depth := len(context.tokens)) < total:
            stop = next((place for place in stops if place > depth), total)
            step = min(context.n_ubatch, stop - depth)
            took_s = self._timed_decode(dummies[depth : depth + step])
            self._curve = self._curve.with_reading(depth, step, took_s)
            if depth + step == stop:
                self._write(depth, step / took_s, dummies)
            self._tell(number, began_s)
        self._look(is_due=True)
        self._round_s = self._round_s or time.perf_counter() - began_s

    def _write(self, depth: int, prefill_tokens_per_s: float, dummies: Sequence[int]) -> None:
        """Evaluate tokens one by one, as an answer does, and note both speeds here."""
        here = len(self._context.tokens)
        written = dummies[here : here + WRITTEN_TOKENS]
        took_s = sum(self._timed_decode((token,)) for token in written)
        decode = len(written) / took_s if written else None
        self._speeds.append(SpeedAtDepth(depth, prefill_tokens_per_s, decode))

    def _timed_decode(self, tokens: Sequence[int]) -> float:
        if self._is_cancelled():
            raise Cancelled
        began_s = time.perf_counter()
        self._context.decode(tokens)
        llama.llama_synchronize(self._context.handle)  # a GPU may still be at it
        return time.perf_counter() - began_s

    def _tell(self, number: int, began_s: float) -> None:
        self._look()
        done, total = len(self._context.tokens), self._context.n_ctx_seq
        self._emit(
            RehearsalProgress(
                id=self._command.id,
                round=number,
                rounds=ROUNDS,
                done_tokens=done,
                total_tokens=total,
                left_s=self._left_s(number, done, total, time.perf_counter() - began_s),
            )
        )

    def _left_s(self, number: int, done: int, total: int, spent_s: float) -> float | None:
        """By the speeds met so far in the first round, by how long that took in the others."""
        if self._round_s is not None:
            return max(0.0, self._round_s - spent_s) + (ROUNDS - number) * self._round_s
        rest, whole = self._seconds(done, total), self._seconds(0, total)
        return None if rest is None or whole is None else rest + (ROUNDS - number) * whole

    def _seconds(self, first: int, last: int) -> float | None:
        """How long filling from one depth to another takes: time grows evenly with the depth, so that every
        ubatch is taken as one halfway.
        """
        step = self._context.n_ubatch
        each = self._curve.seconds(max(0, (first + last - step) // 2), step)
        return None if each is None else each * (last - first) / step

    def _look(self, *, is_due: bool = False) -> None:
        """Note what is in use now, where it is more than before."""
        now_s = time.perf_counter()
        if not is_due and now_s - self._looked_s < LOOK_INTERVAL_S:
            return
        self._looked_s = now_s
        self._process_bytes = max(self._process_bytes, psutil.Process().memory_info().rss)
        for device in devices.list_devices(self._handles):
            self._note(device)

    def _note(self, device: Device) -> None:
        if device.total_bytes is None or device.free_bytes is None:
            return
        now = HighWater(device.name, device.total_bytes - device.free_bytes, device.free_bytes)
        before = self._most.get(device.name)
        if before is None or now.used_bytes > before.used_bytes:
            self._most[device.name] = now


def _dummies(n_vocab: int, count: int) -> list[int]:
    """Tokens in no order, the same every time: one token over and over would wake one expert only."""
    return random.Random(0).choices(range(n_vocab), k=count)
