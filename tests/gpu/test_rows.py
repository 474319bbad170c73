"""The file of rows: what is written is read, and what was cut short does no harm."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kvdesk.errors import OptionError
from kvdesk.plan.options import LoadOptions
from measuring.rows import (
    KernelsRow,
    MachineRow,
    Row,
    SpeedPoint,
    SpeedRow,
    append_row,
    changed_options,
    measured_keys,
    options_of,
    read_rows,
)

WHEN = datetime(2026, 11, 21, tzinfo=UTC)
MACHINE = MachineRow(
    date=WHEN,
    run=1,
    accelerator="cuda",
    device="GPU",
    total_bytes=1,
    driver="1",
    cuda="13.0",
    library="0",
    build="",
    program="0",
    python="3",
    system="",
    cpu="avx2",
)
KERNELS = KernelsRow(
    date=WHEN, run=1, key="kernels a", elapsed_s=0.1, model="a", kind="dense", supported={"GPU": ("f16/f16",)}
)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows: list[Row] = [MACHINE, KERNELS]
    for row in rows:
        append_row(path, row)
    assert read_rows(path) == rows
    assert measured_keys(rows) == {"kernels a"}


def test_a_file_that_is_not_there_has_no_rows(tmp_path: Path) -> None:
    assert read_rows(tmp_path / "none.jsonl") == []


def test_a_line_cut_short_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append_row(path, MACHINE)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"row":"kernels","key":"ker')
    assert read_rows(path) == [MACHINE]
    append_row(path, KERNELS)
    assert read_rows(path) == [MACHINE, KERNELS]


def test_any_other_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"row":"weather"}\n')
    with pytest.raises(OptionError, match="Line 1"):
        read_rows(path)


def test_options_are_written_short_and_read_whole() -> None:
    options = LoadOptions(ctx_size=8192, cache_type_k="q8_0", rpc=("127.0.0.1:1",))
    changed = changed_options(options)
    assert set(changed) == {"ctx_size", "cache_type_k", "rpc"}
    row = SpeedRow(date=WHEN, run=1, key="s", elapsed_s=1.0, model="a", kind="", options=changed)
    assert options_of(row) == options


def test_a_point_without_an_answer_has_no_decode_speed() -> None:
    point = SpeedPoint(0, 512, 0.5, 1, 0.0)
    assert point.decode_tokens_per_s is None
    assert point.prefill_tokens_per_s == 1024
