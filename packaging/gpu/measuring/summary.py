"""The tables at the end: how far the estimate is off by kind, what the driver takes, kernels and speed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from kvdesk.memory.shape import ModelShape
from kvdesk.units import MIB, format_bytes
from measuring.judge import Comparison, Judged, judge
from measuring.rows import DeviceContextRow, KernelsRow, MemoryRow, Row, SpeedRow, Stage

_ALL_PAIRS = 81


def summarise(rows: Sequence[Row], shapes: Mapping[str, ModelShape]) -> Iterator[str]:
    """Yield the lines. Models without a shape are left out."""
    memory = [row for row in rows if isinstance(row, MemoryRow) and row.model in shapes]
    judged = [judge(row, shapes[row.model]) for row in memory]
    yield from _accuracy(judged)
    yield from _devices(judged)
    yield from _driver(rows, judged)
    yield from _outcomes(judged)
    yield from _kernels(row for row in rows if isinstance(row, KernelsRow))
    yield from _speed(row for row in rows if isinstance(row, SpeedRow))


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of them do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def _accuracy(judged: Sequence[Judged]) -> Iterator[str]:
    by_kind: dict[str, list[Comparison]] = defaultdict(list)
    by_model: dict[str, list[Comparison]] = defaultdict(list)
    for each in judged:
        for comparison in each.comparisons():
            by_kind[comparison.kind].append(comparison)
            by_model[f"{each.row.model} ({each.row.kind})"].append(comparison)
    if by_kind:
        yield "Estimate against what llama.cpp allocated, by kind of memory and by model"
        yield from _table(by_kind)
        yield from _table(by_model)


def _table(groups: Mapping[str, Sequence[Comparison]]) -> Iterator[str]:
    width = max(map(len, groups))
    yield f"  {'':{width}} {'buffers':>7} {'equal':>6} {'p95':>7} {'worst under':>18} {'worst over':>18}"
    for name, found in groups.items():
        under, over = min(found, key=_off), max(found, key=_off)
        p95 = percentile((abs(each.off_share) for each in found), 0.95)
        equal = sum(not each.off_bytes for each in found)
        yield (
            f"  {name:{width}} {len(found):7} {equal:6} {p95:7.2%} "
            f"{_signed(min(0, under.off_bytes), under)} {_signed(max(0, over.off_bytes), over)}"
        )


def _off(comparison: Comparison) -> int:
    return comparison.off_bytes


def _signed(off_bytes: int, comparison: Comparison) -> str:
    share = comparison.off_share if off_bytes else 0.0
    return f"{off_bytes / MIB:+9.2f} MiB {share:+.1%}".rjust(18)


def _devices(judged: Sequence[Judged]) -> Iterator[str]:
    taken = [(needed, took) for each in judged for _, needed, took in each.taken() if took > 0]
    if not taken:
        return
    off = [(needed - took) / took for needed, took in taken]
    yield "What must fit on the device, by the estimate, against what it had more in use (vendor's library)"
    yield (
        f"  {len(taken)} loads, p95 {percentile(map(abs, off), 0.95):.2%}, "
        f"worst under {min(0.0, *off):+.2%}, worst over {max(0.0, *off):+.2%}"
    )


def _driver(rows: Sequence[Row], judged: Sequence[Judged]) -> Iterator[str]:
    for row in rows:
        if isinstance(row, DeviceContextRow) and len(row.readings) > 1:
            first, last = row.readings[0], row.readings[-1]
            for device in last.devices:
                was, now = first.of(device.name).used_bytes, device.used_bytes
                if was is not None and now is not None:
                    context = format_bytes(now - was)
                    yield f"{device.name}: a process that only initialises it takes {context}"
    stages: tuple[Stage, ...] = ("loaded", "used")
    for stage in stages:
        # What an RPC server holds is only what it has touched.
        beyond = [
            took - sum(b.measured_bytes or 0 for b in each.row.buffers if b.device == device.name)
            for each in judged
            for device in each.row.devices
            if device.kind == "gpu" and (took := each.row.taken_bytes(device.name, stage)) is not None
        ]
        if beyond:
            least, middle, most = min(beyond), percentile(beyond, 0.5), max(beyond)
            yield (
                f"Beyond llama.cpp's buffers when {stage}: {format_bytes(least)} to {format_bytes(most)}, "
                f"in the middle {format_bytes(round(middle))}"
            )


def _outcomes(judged: Sequence[Judged]) -> Iterator[str]:
    if not judged:
        return
    refused = sum(each.row.refusal is not None for each in judged)
    failed = [each.row for each in judged if each.row.failure is not None]
    yield f"{len(judged)} configurations: {refused} refused by llama.cpp, {len(failed)} failed to load"
    for row in failed:
        yield f"  {row.key}: {row.failure.message if row.failure else ''}"
    for each in judged:
        for fault in each.faults():
            yield f"  WRONG {each.row.key}: {fault}"


def _kernels(rows: Iterable[KernelsRow]) -> Iterator[str]:
    for row in rows:
        for device, pairs in row.supported.items():
            yield f"{row.model}: {device} computes attention for {len(pairs)} of {_ALL_PAIRS} pairs"


def _speed(rows: Iterable[SpeedRow]) -> Iterator[str]:
    for row in rows:
        pair = f"{row.options.get('cache_type_k', 'f16')}/{row.options.get('cache_type_v', 'f16')}"
        for point in row.points:
            yield (
                f"{row.model} {pair} at {point.depth_tokens:,} tokens: "
                f"prefill {_speed_text(point.prefill_tokens_per_s)}, "
                f"decode {_speed_text(point.decode_tokens_per_s)}"
            )


def _speed_text(tokens_per_s: float | None) -> str:
    return "–" if tokens_per_s is None else f"{tokens_per_s:,.1f} tokens/s"
