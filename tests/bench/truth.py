"""How true the estimate is: arithmetic against llama.cpp's dry runs, as a table by model and kind.

    python -m tests.bench.truth                    the recorded dry runs
    python -m tests.bench.truth --folder DIR       fresh dry runs of every GGUF file of a folder
    python -m tests.bench.truth --record HEADERS   write tests/data from ../shared/models and its headers
    python -m tests.bench.truth --record-kinds DIR the same from a small model of every kind, made there

Weights, K, V, state and output must be 0 off; compute within 5 % at the 95th percentile, and never more than
2 % or 8 MiB under.
"""

import argparse
import json
import lzma
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import DryRun as DryRunCommand
from kvdesk.engine.protocol import Planned
from kvdesk.errors import KvDeskError
from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import HOST, Kind, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from kvdesk.units import MIB
from tests.ggufs import KINDS as KINDS_MADE
from tests.ggufs import make_model
from tests.ggufs_large import LARGE, make_large
from tests.memory.records import DATA, dry_runs, packed, read_ground_truth, shapes

MODELS = Path(__file__).parents[3] / "shared" / "models"
FILES = ("ground_truth.jsonl", "ground_truth_more_options.jsonl")
KINDS = (Kind.WEIGHTS, Kind.K, Kind.V, Kind.RECURRENT, Kind.COMPUTE, Kind.OUTPUT)

FRESH = (
    LoadOptions(ctx_size=4096),
    LoadOptions(ctx_size=32768),
    LoadOptions(ctx_size=32768, cache_type_k="q8_0", cache_type_v="q8_0"),
    LoadOptions(ctx_size=32768, cache_type_v="q4_0"),
    LoadOptions(ctx_size=4096, flash_attn="off"),
    LoadOptions(ctx_size=8192, parallel=4),
    LoadOptions(ctx_size=8192, parallel=4, kv_unified=True),
    LoadOptions(ctx_size=8192, swa_full=True),
    LoadOptions(ctx_size=8192, n_outputs_max=0, ubatch_size=256),
)

# What decides about the graphs of sparse and hybrid models, asked of large ones.
LONG = (
    LoadOptions(ctx_size=512, ubatch_size=128),
    LoadOptions(ctx_size=4096, ubatch_size=2048),
    LoadOptions(ctx_size=131072),
    LoadOptions(ctx_size=32768, cache_type_k="q8_0", cache_type_v="q8_0"),
    LoadOptions(ctx_size=32768, cache_type_k="f32", cache_type_v="f32"),
    LoadOptions(ctx_size=8192, flash_attn="off"),
    LoadOptions(ctx_size=32768, parallel=4),
    LoadOptions(ctx_size=16384, parallel=4, kv_unified=True),
)


@dataclass(frozen=True)
class Comparison:
    """One configuration: what each kind is off by, in bytes, and llama.cpp's figure."""

    model: str
    off: dict[Kind, int]
    truth: dict[Kind, int]
    elapsed_ms: float

    @property
    def compute_share(self) -> float:
        """The compute buffer's error as a share of it."""
        return self.off[Kind.COMPUTE] / max(self.truth[Kind.COMPUTE], 1)

    @property
    def is_under(self) -> bool:
        """Whether the compute buffer falls short by more than is allowed."""
        return -self.off[Kind.COMPUTE] > max(0.02 * self.truth[Kind.COMPUTE], 8 * MIB)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--record", type=Path)
    parser.add_argument("--record-kinds", type=Path)
    arguments = parser.parse_args()
    if arguments.record:
        _record(arguments.record)
    if arguments.record_kinds:
        _record_kinds(arguments.record_kinds)
        return
    print_table(_fresh(arguments.folder) if arguments.folder else _recorded())


def print_table(comparisons: Iterable[Comparison]) -> None:
    """One line a model: rows, what is off by kind, and the compute buffer's errors."""
    models: dict[str, list[Comparison]] = defaultdict(list)
    for comparison in comparisons:
        models[comparison.model].append(comparison)
    if not models:
        print("Nothing to compare.")
        return
    print(
        f"{'model':34}{'rows':>5}" + "".join(f"{kind:>11}" for kind in KINDS if kind is not Kind.COMPUTE),
        end="",
    )
    print(f"{'exact':>7}{'p95 %':>7}{'worst %':>9}{'under':>7}{'ms':>7}")
    for name, rows in sorted(models.items()):
        _print_row(name, rows)
    _print_row("all", [row for rows in models.values() for row in rows])


def _print_row(name: str, rows: list[Comparison]) -> None:
    print(f"{name[:33]:34}{len(rows):5}", end="")
    for kind in KINDS:
        if kind is not Kind.COMPUTE:
            print(f"{max((abs(row.off[kind]) for row in rows), default=0):11,}", end="")
    shares = sorted(abs(row.compute_share) for row in rows)
    worst = max(rows, key=lambda row: abs(row.compute_share)).compute_share
    exact = sum(row.off[Kind.COMPUTE] == 0 for row in rows)
    print(f"{exact:7}{100 * shares[int(0.95 * (len(shares) - 1))]:7.2f}{100 * worst:+9.2f}", end="")
    print(f"{sum(row.is_under for row in rows):7}{sum(row.elapsed_ms for row in rows) / len(rows):7.2f}")


def _recorded() -> Iterator[Comparison]:
    known = shapes()
    for run in dry_runs():
        shape = known[run.file]
        config = run.configuration(shape)
        refused = [found for found in refusals(shape, config) if not found.is_warning]
        if run.error or refused:
            if bool(run.error) != bool(refused):
                print(f"{run.model}: refusals differ for {dict(run.params)}: {run.error or refused}")
            continue
        truth = dict(
            zip(KINDS, (run.weights, run.k, run.v, run.recurrent, run.compute, run.output), strict=True)
        )
        yield _compared(run.model, estimate(shape, config), truth)


def _fresh(folder: Path) -> Iterator[Comparison]:
    """Ask the engine about every model of a folder, in a child that an abort of the library may end."""
    client = EngineClient(lambda event: None)
    client.start()
    for path in sorted(folder.expanduser().rglob("*.gguf")):
        if "-of-" in path.name and "-00001-of-" not in path.name:
            continue
        try:
            shape = shape_of(open_model(str(path)))
        except KvDeskError as error:
            print(f"{path.name}: {error.message}")
            continue
        for options in FRESH:
            if not client.is_running:
                client = EngineClient(lambda event: None)
                client.start()
            yield from _asked(client, path, shape, options)
    client.stop()


def _asked(client: EngineClient, path: Path, shape: ModelShape, options: LoadOptions) -> Iterator[Comparison]:
    # A dry run never maps the file, and a few architectures then hold their embedding twice.
    config = configure(msgspec.structs.replace(options, mmap=False), shape, (HOST,))
    refused = [found for found in refusals(shape, config) if not found.is_warning]
    try:
        command = DryRunCommand(id=client.next_id(), model=str(path), options=options)
        planned = client.request(command, timeout_s=120)
    except KvDeskError as error:
        if not refused:
            print(f"{path.name}: not foreseen: {error.message}")
        return
    if refused:
        print(f"{path.name}: refused without need: {refused[0].message}")
    if isinstance(planned, Planned):
        truth = {kind: planned.report.bytes_of(kind) for kind in KINDS}
        yield _compared(path.stem, estimate(shape, config), truth)


def _record_kinds(folder: Path) -> None:
    """Ask about a small model of every architecture that tests/ggufs.py can make, and about large ones."""
    small, large = {}, {}
    for kind in sorted(KINDS_MADE):
        path = folder / f"{kind}.q4_0.gguf"
        small[kind] = path if path.exists() else make_model(kind, folder, file_type="q4_0")
    for name in LARGE:
        large[name] = make_large(name, folder)
    _write("kinds", _answered(small, FRESH))
    _write("large", _answered(large, LONG))


def _answered(paths: Mapping[str, Path], asked: Sequence[LoadOptions]) -> dict[str, object]:
    """For each file what decides about memory, and what llama.cpp says to each configuration."""
    client = EngineClient(lambda event: None)
    client.start()
    table: dict[str, object] = {}
    for kind, path in paths.items():
        answers: list[list[object]] = []
        for number, options in enumerate(asked):
            if not client.is_running:
                client = EngineClient(lambda event: None)
                client.start()
            try:
                command = DryRunCommand(id=client.next_id(), model=str(path), options=options)
                planned = client.request(command, timeout_s=120)
            except KvDeskError as error:
                answers.append([number, error.message])
                continue
            if isinstance(planned, Planned):
                answers.append([number, {kind: planned.report.bytes_of(kind) for kind in KINDS}])
        table[kind] = {**packed(open_model(str(path))), "answers": answers}
    client.stop()
    return table


def _compared(model: str, report: MemoryReport, truth: dict[Kind, int]) -> Comparison:
    off = {kind: report.bytes_of(kind) - truth[kind] for kind in KINDS}
    return Comparison(model, off, truth, report.elapsed_ms)


def _record(headers: Path) -> None:
    runs = [run for name in FILES for run in read_ground_truth(MODELS / name)]
    files = sorted({run.file for run in runs})
    table = {file: packed(open_model(str(headers / file))) for file in files}
    DATA.mkdir(exist_ok=True)
    for name, value in (("headers", table), ("dry_runs", [asdict(run) for run in runs])):
        _write(name, value)


def _write(name: str, value: object) -> None:
    text = json.dumps(value, separators=(",", ":")).encode()
    (DATA / f"{name}.json.xz").write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))
    print(f"{name}: {(DATA / f'{name}.json.xz').stat().st_size:,} bytes")


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"{time.perf_counter() - started:.1f} s")
