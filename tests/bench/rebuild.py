"""Another context for a loaded model: how long resizing and changing cache types take, and what they change.

    python -m tests.bench.rebuild [--families demo,llama,...] [--tokens N] [--threads N] [--folder DIR]

For each family a model is made and its cache filled (the demo model's as far as it was trained). Printed are

- the time of copying the state's bytes once, into memory that is new to the process, as a new context's is,
  and by way of a new file, written and read (the yardsticks; best of five);
- growing the context twofold and shrinking it again, by each route, the best of five: all in all (a new
  context, copying, the check), of this the copying, and the copying in parts of the yardstick for memory, or
  for the disk of that for a file. Bar: 3;
- every cache type from f16, the best of three: all in all, of this the conversion, bytes of f16 converted in
  a second (bar: 1 GB/s for q8_0 on 2 idle cores), and the divergence of the next token's scores (nats),
  beside that of a cache computed in that type natively. "kept": the check refused the new cache, and the old
  one stays.
"""

import argparse
import ctypes
import math
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the engine

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.next_token import divergence, next_scores
from kvdesk.engine.llama.rebuild import Outcome, Rebuilding
from kvdesk.engine.llama.space import Space, new_space, put_state, state_bytes, take_state
from kvdesk.engine.protocol import Rebuild, StateRoute
from kvdesk.errors import EngineError
from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.memory.report import HOST
from kvdesk.plan.options import LoadOptions
from tests.engine.contexts import Bench, bench, read
from tests.ggufs import make_model

ROUTES: tuple[StateRoute, ...] = ("device", "memory", "disk")
BAR = 3.0
ROUNDS = 5
# Few layers with wide caches: much state for little reading.
SIZES: dict[str, dict[str, Any]] = {
    "llama": {"n_layer": 4, "n_embd": 256, "n_head": 16, "n_head_kv": 16, "head_dim": 128},
    "gemma3": {"n_layer": 6, "n_embd": 256, "n_head": 16, "n_head_kv": 16, "head_dim": 128, "window": 1024},
    "deepseek2": {"n_layer": 8},
    "mamba2": {"n_layer": 16, "n_embd": 1024, "keys": {"ssm.state_size": 128}},
    "granitehybrid": {"n_layer": 8, "n_embd": 1024, "n_head": 8, "n_head_kv": 8},
}


def main() -> int:
    """Measure and print; the exit status says whether the bars were met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--families", default=",".join(("demo", *SIZES)))
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", default=".", help="where the route over the disk goes")
    chosen = parser.parse_args()
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        for family in chosen.families.split(","):
            path = Path("demo")
            if family != "demo":
                path = make_model(family, Path(folder), file_type="f16", **SIZES.get(family, {}))
            is_good &= _measure(family, path, chosen)
    return 0 if is_good else 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _measure(family: str, path: Path, chosen: argparse.Namespace) -> bool:
    from kvdesk.resources import resolve_model

    options = LoadOptions(ctx_size=4096, threads=chosen.threads, swa_full=False)
    path = Path(resolve_model("demo")) if family == "demo" else path
    with bench(path) as made:
        made.options = options
        tokens = [5 + place * 7919 % 400 for place in range(min(chosen.tokens, 4000))]
        source = made.empty()
        read(source, tokens)
        with new_space(state_bytes(source)) as saved:
            take_state(source, saved)
            in_memory_s = min(_copy(saved) for _ in range(ROUNDS))
            by_file_s = min(_copy_by_file(saved, chosen.folder) for _ in range(ROUNDS))
            _say(
                f"\n{family}: {len(tokens)} tokens, state {saved.n_bytes / 1e6:.1f} MB, "
                f"one copy {in_memory_s * 1e3:.1f} ms ({saved.n_bytes / in_memory_s / 1e9:.1f} GB/s), "
                f"by way of a file {by_file_s * 1e3:.1f} ms ({saved.n_bytes / by_file_s / 1e9:.1f} GB/s)"
            )
            yardsticks_s = {"device": in_memory_s, "memory": in_memory_s, "disk": by_file_s}
            is_good = _resize(made, saved, tokens, yardsticks_s, chosen.folder)
            return _change_types(made, source, saved, tokens) and is_good


def _resize(
    made: Bench, saved: Space, tokens: list[int], yardsticks_s: dict[str, float], folder: str
) -> bool:
    _say("  resize           total ms   copy ms   of one copy   divergence")
    is_good = True
    for route in ROUTES:
        context = _restored(made, saved, tokens)
        rounds = [
            [_rebuild(made, context, route, folder, ctx_size=ctx_size) for ctx_size in (8192, 4096)]
            for _ in range(ROUNDS)
        ]
        for word, runs in zip(("grow", "shrink"), zip(*rounds, strict=True), strict=True):
            total_s, outcome = min(runs, key=lambda run: run[1].copy_s)
            ratio = outcome.copy_s / yardsticks_s[route]
            _say(
                f"  {word:6} {route:8} {total_s * 1e3:9.1f} {outcome.copy_s * 1e3:9.1f} {ratio:13.2f}"
                f"   {outcome.divergence:.1e}"
            )
            is_good &= ratio <= BAR
        context.close()
    return is_good


def _change_types(made: Bench, source: Context, saved: Space, tokens: list[int]) -> bool:
    _say("  f16 to     total ms   conv. ms  f16 GB/s   divergence   native")
    before = next_scores(source, again=False)
    assert before is not None
    is_good = True
    for row in CACHE_TYPES:
        if row.name == "f16":
            continue
        native = made.empty(cache_type_k=row.name, cache_type_v=row.name)
        read(native, tokens)
        usual = next_scores(native, again=False)
        assert usual is not None
        native.close()
        try:
            runs = [_changed(made, saved, tokens, row.name) for _ in range(3)]
        except EngineError as error:
            _say(f"  {row.name:8} kept: {error.message}     {divergence(before, usual):.2e}")
            continue
        total_s, outcome = min(runs, key=lambda run: run[1].converting_s)
        speed = saved.n_bytes / outcome.converting_s / 1e9 if outcome.how == "converted" else math.inf
        _say(
            f"  {row.name:8} {total_s * 1e3:10.1f} {outcome.converting_s * 1e3:9.1f} {speed:10.2f}"
            f"   {outcome.divergence:.2e}     {divergence(before, usual):.2e}"
        )
        is_good &= row.name != "q8_0" or speed >= 1 or saved.n_bytes < 10e6
    return is_good


def _changed(made: Bench, saved: Space, tokens: list[int], cache_type: str) -> tuple[float, Outcome]:
    context = _restored(made, saved, tokens)
    try:
        return _rebuild(made, context, "device", "", cache_type_k=cache_type, cache_type_v=cache_type)
    finally:
        context.close()


def _rebuild(
    made: Bench, context: Context, route: StateRoute, folder: str, **changes: object
) -> tuple[float, Outcome]:
    started_s = time.perf_counter()
    command = Rebuild(id=1, options=made.changed(**changes), route=route, folder=folder)
    rebuilding = Rebuilding(command, context, (HOST,), made.open, lambda _: None, lambda: False)
    outcome = rebuilding.run()
    return time.perf_counter() - started_s, outcome


def _restored(made: Bench, saved: Space, tokens: list[int]) -> Context:
    context = made.empty()
    put_state(context, saved, tokens)
    return context


def _copy(saved: Space) -> float:
    """The time of one memcpy into memory that is new to the process, as a new context's is.

    Not from malloc: what was freed a moment ago comes back from there, already backed by pages.
    """
    started_s = time.perf_counter()
    with new_space(saved.n_bytes) as copy:
        ctypes.memmove(copy.pointer, saved.pointer, saved.n_bytes)
        return time.perf_counter() - started_s


def _copy_by_file(saved: Space, folder: str) -> float:
    """The time of writing the bytes into a new file and reading them back, a megabyte at a time."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        started_s = time.perf_counter()
        file.write(saved.view)
        file.seek(0)
        piece = bytearray(1 << 20)
        while file.readinto(piece):
            pass
        return time.perf_counter() - started_s


if __name__ == "__main__":
    sys.exit(main())
