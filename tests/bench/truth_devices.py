"""How true the estimate is on one and on two devices beside the host, buffer by buffer.

    python -m tests.bench.truth_devices FILES...           dry runs
    python -m tests.bench.truth_devices FILES... --load    real loads, for small models

Two of llama.cpp's RPC servers on loopback are the devices. Weights, K, V and state must be 0 off on each
device; compute within 5 % at the 95th percentile, and never more than 2 % or 8 MiB under. A dry run's figures
are left out where it says itself that a load reserves otherwise.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import DryRun, Load, Loaded, Planned
from kvdesk.errors import KvDeskError
from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import Kind, MemoryReport
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from kvdesk.units import MIB
from tests.rpc_servers import two_servers

STILL = (Kind.WEIGHTS, Kind.K, Kind.V, Kind.RECURRENT)
WAIT_S = 300.0


def asked(n_layers: int) -> tuple[LoadOptions, ...]:
    """What decides about where a graph is divided, for a model of so many layers."""
    half = n_layers // 2
    return (
        LoadOptions(ctx_size=8192),
        LoadOptions(ctx_size=8192, n_gpu_layers=half, tensor_split=(1.0, 1.0)),
        LoadOptions(ctx_size=8192, n_gpu_layers=half + 1, flash_attn="on"),
        LoadOptions(ctx_size=8192, n_gpu_layers=half + 1, flash_attn="off"),
        LoadOptions(
            ctx_size=16384,
            n_gpu_layers=n_layers - 1,
            tensor_split=(3.0, 1.0),
            cache_type_k="q8_0",
            cache_type_v="q4_0",
        ),
        LoadOptions(ctx_size=8192, n_gpu_layers=half, kv_offload=False),
        LoadOptions(ctx_size=8192, kv_offload=False, flash_attn="off", cache_type_k="q8_0"),
        LoadOptions(ctx_size=8192, parallel=4, n_gpu_layers=max(1, n_layers // 3)),
        LoadOptions(ctx_size=8192, parallel=4, n_outputs_max=0, tensor_split=(1.0, 2.0)),
        LoadOptions(ctx_size=8192, cpu_moe=True),
        LoadOptions(ctx_size=8192, n_gpu_layers=2 * n_layers // 3, split_mode="none"),
        LoadOptions(
            ctx_size=32768,
            ubatch_size=2048,
            n_gpu_layers=max(1, n_layers - 2),
            tensor_split=(2.0, 3.0),
            n_outputs_max=0,
        ),
    )


@dataclass(frozen=True)
class Buffer:
    """One buffer: of a model with so many devices, how far it is off, and llama.cpp's figure, in bytes."""

    model: str
    n_devices: int
    kind: Kind
    off: int
    truth: int

    @property
    def share(self) -> float:
        """The error as a share of the buffer; what rounding can make of next to nothing does not count."""
        return self.off / self.truth if self.truth > MIB else 0.0

    @property
    def is_under(self) -> bool:
        """Whether it falls short by more than is allowed."""
        return -self.off > max(0.02 * self.truth, 8 * MIB)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--load", action="store_true", help="load in place of dry runs")
    arguments = parser.parse_args()
    with two_servers() as servers:
        rpc = tuple(server.endpoint for server in servers)
        print_table(list(_asked(arguments.files, rpc, is_load=arguments.load)))


def print_table(buffers: list[Buffer]) -> None:
    """A line for each model and number of devices: what is off by kind, and the compute buffers' errors."""
    print(f"{'model':34}{'devices':>8}{'buffers':>8}" + "".join(f"{kind:>11}" for kind in STILL), end="")
    print(f"{'compute':>9}{'exact':>7}{'p95 %':>7}{'worst %':>9}{'worst MiB':>10}{'under':>7}")
    groups: dict[tuple[str, int], list[Buffer]] = defaultdict(list)
    for buffer in buffers:
        groups[buffer.model, buffer.n_devices].append(buffer)
    for (model, n_devices), found in sorted(groups.items()):
        _print_row(model, str(n_devices), found)
    for n_devices in sorted({buffer.n_devices for buffer in buffers}):
        _print_row("all", str(n_devices), [row for row in buffers if row.n_devices == n_devices])


def _print_row(model: str, devices: str, buffers: list[Buffer]) -> None:
    print(f"{model[:33]:34}{devices:>8}{len(buffers):8}", end="")
    for kind in STILL:
        print(f"{max((abs(row.off) for row in buffers if row.kind is kind), default=0):11,}", end="")
    compute = [row for row in buffers if row.kind is Kind.COMPUTE]
    if not compute:
        print()
        return
    shares = sorted(abs(row.share) for row in compute)
    worst = max((row.share for row in compute), key=abs)
    print(f"{len(compute):9}{sum(row.off == 0 for row in compute):7}", end="")
    print(f"{100 * shares[int(0.95 * (len(shares) - 1))]:7.2f}{100 * worst:+9.2f}", end="")
    print(
        f"{max((row.off for row in compute), key=abs) / MIB:+10.2f}{sum(row.is_under for row in compute):7}"
    )


def _asked(files: list[Path], rpc: tuple[str, ...], *, is_load: bool) -> Iterator[Buffer]:
    """Ask the engine, in a child that an abort of the library may end."""
    client = EngineClient(lambda event: None)
    client.start()
    for path in files:
        try:
            shape = shape_of(open_model(str(path)))
        except KvDeskError as error:
            print(f"{path.name}: {error.message}")
            continue
        for options in asked(len(shape.layers)):
            if not client.is_running:
                client = EngineClient(lambda event: None)
                client.start()
            command = (Load if is_load else DryRun)(
                id=client.next_id(),
                model=str(path),
                options=msgspec.structs.replace(options, rpc=rpc, mmap=False),
            )
            try:
                answer = client.request(command, timeout_s=WAIT_S)
            except KvDeskError:  # what llama.cpp refuses; tests/bench/truth.py compares refusals
                continue
            if isinstance(answer, Planned | Loaded):
                yield from _compared(path, shape, options, answer.report)
    client.stop()


def _compared(path: Path, shape: ModelShape, options: LoadOptions, truth: MemoryReport) -> Iterator[Buffer]:
    config = configure(msgspec.structs.replace(options, mmap=False), shape, truth.devices)
    report = estimate(shape, config)
    for device in truth.devices:
        for kind in (*STILL, Kind.COMPUTE):
            items = [item for item in truth.items if item.kind is kind and item.device == device.name]
            if any(item.exactness != "exact" for item in items):
                continue
            size = sum(item.bytes for item in items)
            off = report.bytes_of(kind, device.name) - size
            if size or off:
                yield Buffer(path.stem, len(config.accelerators), kind, off, size)


if __name__ == "__main__":
    main()
