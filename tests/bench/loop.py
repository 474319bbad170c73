"""What a token costs beside `llama_decode`: sampling, text, messages. Bar: 150 us on the demo model.

    python -m tests.bench.loop

Runs the engine's own turn in this process, with every call of llama_decode timed from outside.
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
ASK = Message("user", "Count from 1 to 100.")


class Timed:
    """A C function that adds up the time spent in it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.seconds = 0.0

    def __call__(self, *arguments: object) -> object:
        started = time.perf_counter()
        result = self._function(*arguments)
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

    costs, samples, decodes = [], [], []
    for turn in range(chosen.rounds):
        decode.seconds = sample.seconds = 0.0
        ask = Chat(id=2, messages=(ASK,), sampling=Sampling(seed=1, max_tokens=400), chat=str(turn))
        done = engine.run(ask)
        assert isinstance(done, TurnDone)
        in_decode = decode.seconds - done.prefill_s  # reading the prompt is no part of the loop
        costs.append((done.decode_s - in_decode) / done.completion_tokens * 1e6)
        samples.append(sample.seconds / done.completion_tokens * 1e6)
        decodes.append(in_decode / done.completion_tokens * 1e6)
    engine.close()

    cost = statistics.median(costs)
    print(f"{done.completion_tokens} tokens, {chosen.rounds} rounds, {chosen.threads} thread(s), medians:")
    print(f"  llama_decode         {statistics.median(decodes):8.1f} us a token")
    print(f"  loop around it       {cost:8.1f} us a token   (best {min(costs):.1f}, bar {BAR_US:.0f})")
    print(f"    of it sampling     {statistics.median(samples):8.1f} us a token, inside llama.cpp")
    return 0 if cost <= BAR_US else 1


if __name__ == "__main__":
    sys.exit(main())
