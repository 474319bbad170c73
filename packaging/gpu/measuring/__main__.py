"""`python -m measuring`: plan the steps, carry them out one by one, print the tables."""

import argparse
import platform
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import kvdesk
from kvdesk.errors import KvDeskError
from kvdesk.gguf.open import open_model
from kvdesk.memory.cpu import this_cpu
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import TOTAL_KINDS
from kvdesk.memory.shape import ModelShape
from kvdesk.monitor.nvidia import NvidiaProbe
from kvdesk.monitor.sampler import DeviceProbe
from kvdesk.resources import DEMO_MODEL, resolve_model
from kvdesk.units import format_bytes, parse_tokens
from measuring.bench import Bench, LeftOut, Setting, require_device
from measuring.engine import Clock, OutOfTime
from measuring.instruments import Instruments
from measuring.models import SMALL_BYTES, OpenedFile, chosen_models, open_models
from measuring.rows import (
    MachineRow,
    Measurement,
    MemoryRow,
    append_row,
    measured_keys,
    read_rows,
)
from measuring.servers import RpcServers
from measuring.steps import CONTEXTS, DEPTHS, WORDS, Pair, Step, Wanted, plan_steps
from measuring.summary import summarise

UNFINISHED = 3


def main(words: Sequence[str] | None = None, probe: DeviceProbe | None = None) -> int:
    """Measure. Returns 0 when everything is measured, 3 when the time ran out, 2 for bad input."""
    chosen = _arguments(words)
    try:
        return _run(chosen, probe or NvidiaProbe())
    except KvDeskError as error:
        print(error, file=sys.stderr)
        return 2


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="measure.py", description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--accelerator", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=1500.0, help="for everything")
    parser.add_argument("--step-seconds", type=float, default=120.0, help="for one step (default 120)")
    parser.add_argument("--models", nargs="+", default=[], metavar="NAME", help="parts of their files' names")
    parser.add_argument("--models-folder", type=Path, required=True)
    parser.add_argument("--headers", type=Path, help="archive that missing models are unpacked from")
    parser.add_argument("--most-gib", type=float, help="largest model file; 2 on the CPU unless given")
    parser.add_argument("--contexts", nargs="+", type=parse_tokens, default=CONTEXTS, metavar="TOKENS")
    parser.add_argument("--depths", nargs="+", type=parse_tokens, default=DEPTHS, metavar="TOKENS")
    parser.add_argument("--pairs", nargs="+", type=_pair, default=[], metavar="K/V")
    parser.add_argument("--only", nargs="+", choices=WORDS, default=WORDS)
    parser.add_argument("--turn-tokens", type=int, default=600, help="prompt after each load (default 600)")
    parser.add_argument("--rpc", type=int, default=0, metavar="N", help="N servers on loopback as devices")
    parser.add_argument("--cuda", default="", help="the toolkit's version, for the record")
    parser.add_argument("--list", action="store_true", help="print the steps and measure nothing")
    parser.add_argument("--tables", action="store_true", help="print the tables of what is there")
    return parser.parse_args(words)


def _pair(text: str) -> Pair:
    k, _, v = text.partition("/")
    return k, v or k


def _run(chosen: argparse.Namespace, probe: DeviceProbe) -> int:
    rows = read_rows(chosen.out)
    models = _small_enough(
        open_models(chosen_models(chosen.models), chosen.models_folder, chosen.headers), chosen
    )
    status = 0
    if not chosen.tables:
        with RpcServers(chosen.rpc) as servers:
            wanted = Wanted(
                tuple(chosen.contexts),
                tuple(chosen.pairs),
                tuple(sorted(chosen.depths)),
                servers.endpoints,
                chosen.accelerator != "cpu" or chosen.rpc > 0,
            )
            done = measured_keys(rows)
            steps = [
                step
                for step in plan_steps(models, wanted)
                if step.word in chosen.only and step.key not in done
            ]
            if chosen.list:
                print("\n".join(step.key for step in steps))
                return 0
            run = 1 + max((row.run for row in rows), default=0)
            clock = Clock(chosen.seconds, chosen.step_seconds)
            bench = Bench(
                clock,
                Instruments(probe, servers.pids),
                Setting(run, servers.endpoints, chosen.turn_tokens),
            )
            try:
                status = _measure(bench, clock, steps, chosen, run, probe)
            finally:
                bench.close()
    print()
    for line in summarise(read_rows(chosen.out), _shapes(models)):
        print(line)
    return status


def _measure(
    bench: Bench,
    clock: Clock,
    steps: Sequence[Step],
    chosen: argparse.Namespace,
    run: int,
    probe: DeviceProbe,
) -> int:
    machine = _machine(bench, clock, chosen, run, Instruments(probe))
    print(f"{machine.device}, llama-cpp-python {machine.library}; {len(steps)} steps", flush=True)
    append_row(chosen.out, machine)
    longest: Counter[str] = Counter()
    for number, step in enumerate(steps, 1):
        # What is begun and not finished is lost: leave the rest of the time to steps that may be shorter.
        if clock.left_s() < longest[step.word] * 1.2:
            continue
        label = f"[{number}/{len(steps)}, {clock.left_s() / 60:.1f} min left] {step.key}"
        try:
            row = bench.measure(step)
        except LeftOut as reason:
            print(f"{label}: left out, {reason}", flush=True)
            continue
        except OutOfTime:
            break
        except KvDeskError as error:  # before the row itself began; the next run tries again
            print(f"{label}: not measured, {error}", flush=True)
            continue
        longest[step.word] = max(longest[step.word], int(row.elapsed_s) + 1)
        append_row(chosen.out, row)
        print(f"{label}: {_said(row)}", flush=True)
    left = len({step.key for step in steps} - measured_keys(read_rows(chosen.out)))
    print(f"{len(steps) - left} of {len(steps)} steps measured.", flush=True)
    return UNFINISHED if clock.left_s() <= 0 or _ran_short(clock, longest, left) else 0


def _ran_short(clock: Clock, longest: Counter[str], left: int) -> bool:
    return left > 0 and clock.left_s() < max(longest.values(), default=0) * 1.2


def _said(row: Measurement) -> str:
    if isinstance(row, MemoryRow) and row.refusal is not None:
        return f"refused ({row.refusal.message})"
    if row.failure is not None:
        return f"{row.failure.kind}: {row.failure.message}"
    parts = [f"{row.elapsed_s:.1f} s"]
    if isinstance(row, MemoryRow):
        for device in row.devices:
            own = [b for b in row.buffers if b.device == device.name and b.kind in TOTAL_KINDS]
            measured = [b.measured_bytes or 0 for b in own]
            estimated = [b.estimated_bytes or 0 for b in own]
            if sum(measured):
                parts.append(
                    f"{device.name} {format_bytes(sum(estimated))} estimated, {format_bytes(sum(measured))}"
                    f" measured, {format_bytes(row.taken_bytes(device.name))} taken"
                )
    return ", ".join(parts)


def _machine(
    bench: Bench, clock: Clock, chosen: argparse.Namespace, run: int, instruments: Instruments
) -> MachineRow:
    clock.begin_step()
    devices = bench.devices()
    require_device(chosen.accelerator, devices)
    hello = bench.planner().hello
    first = devices[0]
    return MachineRow(
        date=datetime.now(UTC).replace(microsecond=0),
        run=run,
        accelerator=chosen.accelerator,
        device=", ".join(device.description or device.name for device in devices[:-1]) or first.description,
        total_bytes=first.total_bytes,
        driver=instruments.drivers(devices),
        cuda=chosen.cuda,
        library=hello.llama_cpp_python if hello else "",
        build=hello.build if hello else "",
        program=kvdesk.__version__,
        python=platform.python_version(),
        system=platform.platform(terse=True),
        cpu=this_cpu().value,
    )


def _small_enough(models: Sequence[OpenedFile], chosen: argparse.Namespace) -> tuple[OpenedFile, ...]:
    most_bytes = chosen.most_gib * 2**30 if chosen.most_gib else inf
    if not chosen.most_gib and chosen.accelerator == "cpu":
        most_bytes = SMALL_BYTES
    return tuple(model for model in models if Path(model.path).stat().st_size <= most_bytes)


def _shapes(models: Sequence[OpenedFile]) -> dict[str, ModelShape]:
    """The shapes that rows can be judged by."""
    return {model.file: model.shape for model in models} | {
        DEMO_MODEL: shape_of(open_model(resolve_model(DEMO_MODEL)))
    }


if __name__ == "__main__":
    sys.exit(main())
