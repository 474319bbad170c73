"""The arithmetic held to every row that was measured on a real device, and the judge to rows made up."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from kvdesk.memory.report import Kind
from kvdesk.plan.load_record import BufferAccount
from measuring.judge import MOST_UNDER_BYTES, judge
from measuring.rows import DeviceReading, Failure, MemoryRow, Reading, read_rows
from measuring.summary import percentile, summarise
from tests.gpu.test_rows import WHEN
from tests.memory.records import shapes

DATA = Path(__file__).parents[1] / "data" / "gpu"
MODEL = "Llama-3.2-1B-Instruct-Q4_K_M.gguf"
MIB = 2**20
P95_OF_COMPUTE = 0.05


def _measured() -> list[tuple[str, MemoryRow]]:
    return [
        (path.stem, row)
        for path in sorted(DATA.glob("*.jsonl"))
        for row in read_rows(path)
        if isinstance(row, MemoryRow) and row.model in shapes()
    ]


MEASURED = _measured()
NONE_YET = pytest.mark.skipif(not MEASURED, reason="no real device has been measured yet: tests/data/gpu")


@NONE_YET
@pytest.mark.parametrize("row", [pytest.param(row, id=f"{name} {row.key}") for name, row in MEASURED])
def test_the_arithmetic_holds_on_real_devices(row: MemoryRow) -> None:
    assert judge(row, shapes()[row.model]).faults() == []


@NONE_YET
def test_compute_buffers_of_real_devices_are_within_five_percent() -> None:
    off = [
        abs(each.off_share)
        for _, row in MEASURED
        for each in judge(row, shapes()[row.model]).comparisons()
        if each.kind is Kind.COMPUTE
    ]
    assert percentile(off, 0.95) <= P95_OF_COMPUTE


# ------------------------------------------------------------------------------------- rows made up


def _row(**options: object) -> MemoryRow:
    """A row in which the device took exactly what the arithmetic says."""
    from kvdesk.memory.report import HOST, Device

    gpu = Device("CUDA0", "gpu", "cuda", 24 * 2**30, 23 * 2**30, "NVIDIA GeForce RTX 4090")
    row = MemoryRow(
        date=WHEN,
        run=1,
        key="memory made up",
        elapsed_s=1.0,
        model=MODEL,
        kind="dense",
        options={"ctx_size": 8192, "flash_attn": "on", **options},
        cpu="avx2",
        devices=(gpu, HOST),
    )
    report = judge(row, shapes()[MODEL]).report
    pairs = dict.fromkeys((item.kind, item.device) for item in report.items)
    buffers = tuple(
        BufferAccount(kind, device, size, size, size)
        for kind, device in pairs
        if (size := report.bytes_of(kind, device)) or True
    )
    taken = report.needed_bytes("CUDA0")
    readings = tuple(
        Reading(stage, (DeviceReading("CUDA0", used_bytes=used),))
        for stage, used in (("nothing", 500 * MIB), ("loaded", 500 * MIB + taken))
    )
    return replace(row, buffers=buffers, readings=readings)


def _off_by(row: MemoryRow, kind: Kind, n_bytes: int) -> MemoryRow:
    """The same row, where that much more was really allocated on the GPU."""
    buffers = tuple(
        replace(b, measured_bytes=(b.measured_bytes or 0) + n_bytes)
        if (b.kind, b.device) == (kind, "CUDA0")
        else b
        for b in row.buffers
    )
    return replace(row, buffers=buffers)


def _faults(row: MemoryRow) -> list[str]:
    return judge(row, shapes()[MODEL]).faults()


def test_a_device_that_took_what_we_say_is_no_fault() -> None:
    assert _faults(_row()) == []


@pytest.mark.parametrize("kind", [Kind.WEIGHTS, Kind.K, Kind.V])
@pytest.mark.parametrize("n_bytes", [-1, 1])
def test_weights_and_caches_are_held_to_the_byte(kind: Kind, n_bytes: int) -> None:
    (fault,) = _faults(_off_by(_row(), kind, n_bytes))
    assert fault.startswith(f"{kind} on CUDA0")


def test_compute_may_be_over_and_hardly_under() -> None:
    row = _row()
    assert _faults(_off_by(row, Kind.COMPUTE, -MIB)) == []
    assert _faults(_off_by(row, Kind.COMPUTE, MOST_UNDER_BYTES)) == []
    (fault,) = _faults(_off_by(row, Kind.COMPUTE, MOST_UNDER_BYTES + 1))
    assert fault.startswith("compute on CUDA0")


def test_a_whole_device_that_took_more_than_it_was_said_to_need_is_a_fault() -> None:
    row = _row()
    nothing, loaded = row.readings
    used = (loaded.of("CUDA0").used_bytes or 0) + 100 * MIB
    more = replace(loaded, devices=(DeviceReading("CUDA0", used_bytes=used),))
    (fault,) = _faults(replace(row, readings=(nothing, more)))
    assert fault.startswith("all of CUDA0")


def test_refusals_are_held_both_ways() -> None:
    refused = Failure("OptionError", "V cache quantization requires flash_attn")
    (too_lenient,) = _faults(replace(_row(), refusal=refused))
    assert too_lenient.startswith("we refuse nothing")
    strict = _row(flash_attn="off", cache_type_v="q8_0")
    assert any("llama.cpp refused nothing" in fault for fault in _faults(strict))
    assert _faults(replace(strict, refusal=refused)) == []


def test_the_tables_name_the_worst() -> None:
    rows = [_row(), _off_by(_row(), Kind.COMPUTE, 64 * MIB)]
    lines = list(summarise(rows, shapes()))
    (compute,) = (line for line in lines if line.split()[:1] == ["compute"])
    assert "-64.00 MiB" in compute
    (weights,) = (line for line in lines if line.split()[:1] == ["weights"])
    assert weights.split()[1:3] == ["4", "4"]
    assert any("WRONG" in line for line in lines)
    assert "2 configurations: 0 refused by llama.cpp, 0 failed to load" in lines


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.95, 0.0), ([3.0], 0.95, 3.0), (list(range(1, 101)), 0.95, 95), ([1, 2, 3, 4], 0.5, 2)],
)
def test_percentiles_are_values_that_occurred(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected
