"""Dry runs over a folder of models: what they cost, and whether our own cache arithmetic agrees with them.

    python tests/bench/dry_run.py FOLDER

For every model: milliseconds of engine time to open it and for each further configuration (a context, cache
pair, ubatch and number of sequences, as a slider would ask for), and the K, V and state bytes of our estimate
minus those of llama.cpp, over all configurations. Models that either side refuses are listed with the reason.
"""

import argparse
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import DryRun, Planned
from kvdesk.errors import KvDeskError
from kvdesk.gguf.splits import read_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions

CACHE_KINDS = (Kind.K, Kind.V, Kind.RECURRENT)
CONFIGURATIONS = [
    LoadOptions(ctx_size=ctx_size, cache_type_k=k, cache_type_v=v)
    for ctx_size in (1000, 8192, 131072)
    for k, v in (("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0"), ("q8_0", "q4_0"))
] + [
    LoadOptions(ctx_size=8192, parallel=3),
    LoadOptions(ctx_size=8192, parallel=2, kv_unified=True),
    LoadOptions(ctx_size=8192, swa_full=True),
    LoadOptions(ctx_size=8192, flash_attn="off"),
    LoadOptions(ctx_size=8192, ubatch_size=64),
]


@dataclass
class Result:
    """One model's figures."""

    name: str
    open_ms: float = 0.0
    further_ms: list[float] = field(default_factory=list)
    cpu_ms: float = 0.0  # of the engine, mean of the further configurations: what a busy machine cannot blur
    compared: int = 0
    worst: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(CACHE_KINDS, 0))
    refused: list[str] = field(default_factory=list)
    error: str = ""


def first_files(folder: Path) -> list[Path]:
    """The models of a folder; of a split set, its first file stands for all."""
    return [p for p in sorted(folder.glob("*.gguf")) if "-of-" not in p.stem or "-00001-of-" in p.stem]


def measure(client: EngineClient, path: Path) -> Result:
    """Ask for every configuration of one model, in an engine that has another model open."""
    result = Result(path.name)
    try:
        shape: ModelShape | None = shape_of(read_model(path))
    except KvDeskError as error:
        shape, result.error = None, f"no shape: {error}"
    cpu_before_ms = _cpu_ms(client)
    for options in CONFIGURATIONS:
        try:
            planned = client.request(DryRun(id=client.next_id(), model=str(path), options=options), 300)
        except KvDeskError as error:
            result.refused.append(f"{_describe(options)}: {error.message}")
            continue
        assert isinstance(planned, Planned)
        if not result.open_ms:
            result.open_ms = planned.report.elapsed_ms
            cpu_before_ms = _cpu_ms(client)
        else:
            result.further_ms.append(planned.report.elapsed_ms)
        if shape is None:
            continue
        ours = estimate(shape, configure(options, shape, planned.report.devices))
        result.compared += 1
        for kind in CACHE_KINDS:
            difference = ours.bytes_of(kind) - planned.report.bytes_of(kind)
            if abs(difference) > abs(result.worst[kind]):
                result.worst[kind] = difference
    result.cpu_ms = (_cpu_ms(client) - cpu_before_ms) / max(1, len(result.further_ms))
    return result


def _cpu_ms(client: EngineClient) -> float:
    times = psutil.Process(client.pid).cpu_times()
    return (times.user + times.system) * 1000


def _describe(options: LoadOptions) -> str:
    default = msgspec.to_builtins(LoadOptions())
    changed = {k: v for k, v in msgspec.to_builtins(options).items() if v != default[k]}
    return " ".join(f"{name}={value}" for name, value in changed.items())


def print_table(results: list[Result]) -> None:
    """One line a model, then the refusals and errors in full."""
    heads = ("model", "open ms", "further p50", "cpu", "n", "K off", "V off", "state off")
    print("{:58} {:>8} {:>12} {:>7} {:>4} {:>8} {:>8} {:>10}".format(*heads))
    for r in results:
        if not r.further_ms:
            print(f"{r.name:58} no dry run")
            continue
        off = [f"{r.worst[kind]:,}" if r.compared else "-" for kind in CACHE_KINDS]
        p50 = statistics.median(r.further_ms)
        print(
            f"{r.name:58} {r.open_ms:8.0f} {p50:12.1f} {r.cpu_ms:7.1f} {r.compared:4}"
            f" {off[0]:>8} {off[1]:>8} {off[2]:>10}"
        )
    every = sorted(ms for r in results for ms in r.further_ms)
    if every:
        opens = [r.open_ms for r in results if r.open_ms]
        p95, cpu = every[int(len(every) * 0.95)], statistics.median(r.cpu_ms for r in results)
        print(f"\n{len(results)} models, {sum(r.compared for r in results)} comparisons of K, V and state,")
        print(f"{sum(any(r.worst.values()) for r in results)} models off;")
        print(f"open p50 {statistics.median(opens):.0f} ms, further p50 {statistics.median(every):.1f} ms,")
        print(f"p95 {p95:.1f} ms; CPU time of the engine p50 {cpu:.1f} ms a configuration")
    for r in results:
        for line in (*([r.error] if r.error else []), *r.refused):
            print(f"{r.name}: {line}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    results = []
    for path in first_files(folder):
        client = EngineClient(lambda _: None)
        client.start()
        results.append(measure(client, path))
        client.stop()
        print(f"{path.name} done", file=sys.stderr)
    print_table(results)
    return 1 if any(any(r.worst.values()) or r.error for r in results) or not results else 0


if __name__ == "__main__":
    sys.exit(main())
