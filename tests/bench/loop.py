"""What a token costs beside `llama_decode`: sampling, text, messages. Bar: 150 us on the demo model.

    python -m tests.bench.loop

Runs the engine's own turn in this process, with every call of llama_decode timed from outside. On a busy
machine the clock also counts the time that others take; the second column is this thread's own.
"""

import argparse
import ctypes
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from kvdesk.engine.llama.engine import Engine
from kvdesk.engine.llama.library import llama
from kvdesk.engine.protocol import Chat, Event, Load, Message, TurnDone, encode
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model

BAR_US = 150.0
LOOP, SAMPLING = "the turn around it", "  of it sampling (C++)"
ASK = Message("user", "Count from 1 to 100.")


class Timed:
    """A C function that adds up the time spent in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.seconds = self.cpu_seconds = 0.0

    def __call__(self, *arguments: object) -> object:
        started, cpu_started = time.perf_counter(), time.thread_time()
        result = self._function(*arguments)
        self.cpu_seconds += time.thread_time() - cpu_started
        self.seconds += time.perf_counter() - started
        return result


def main() -> int:
    """Measure and print; the status says whether the bar is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()

    sink = open(os.devnull, "wb", buffering=0)  # noqa: SIM115 - as the engine's pipe: one write a message

    def emit(event: Event) -> None:
        sink.write(encode(event))

    decode, sample = Timed(llama.llama_decode), Timed(llama.llama_sampler_sample)
    llama.llama_decode, llama.llama_sampler_sample = decode, sample
    engine = Engine(emit, lambda: False, ctypes.create_string_buffer(2))
    options = LoadOptions(threads=chosen.threads)
    engine.run(Load(id=1, model=resolve_model(chosen.model), options=options))

    rows: dict[str, list[tuple[float, float]]] = {"llama_decode": [], LOOP: [], SAMPLING: []}
    for turn in range(chosen.rounds):
        decode.seconds = decode.cpu_seconds = sample.seconds = sample.cpu_seconds = 0.0
        ask = Chat(id=2, messages=(ASK,), sampling=Sampling(seed=1, max_tokens=400), chat=str(turn))
        started, cpu_started = time.perf_counter(), time.thread_time()
        done = engine.run(ask)
        took = time.perf_counter() - started, time.thread_time() - cpu_started
        assert isinstance(done, TurnDone)
        n = done.completion_tokens / 1e6
        rows["llama_decode"].append((decode.seconds / n, decode.cpu_seconds / n))
        rows[SAMPLING].append((sample.seconds / n, sample.cpu_seconds / n))
        rows[LOOP].append(((took[0] - decode.seconds) / n, (took[1] - decode.cpu_seconds) / n))
    engine.close()

    print(f"{done.completion_tokens} tokens, {chosen.rounds} rounds, {chosen.threads} thread(s)")
    print(f"{'median us a token':28}{'clock':>8}{'own CPU':>9}{'best':>8}")
    for name, values in rows.items():
        clock, cpu = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"{name:28}{clock:8.1f}{cpu:9.1f}{min(values)[0]:8.1f}")
    cost = statistics.median(clock for clock, _ in rows[LOOP])
    print(f"bar for the loop: {BAR_US:.0f}")
    return 0 if cost <= BAR_US else 1


if __name__ == "__main__":
    sys.exit(main())
