"""The ledger's file: nothing lost, nothing half written, never too long; and its table for other programs."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from kvdesk.errors import StoreError
from kvdesk.memory.report import Kind
from kvdesk.phrases import Phrase
from kvdesk.plan.ledger import Ledger, csv_text, export_csv
from kvdesk.plan.load_record import BufferAccount, DeviceAccount, Failure, LoadRecord, ModelIdentity
from kvdesk.plan.options import LoadOptions


def a_load(id_="a", name="Qwen3-8B", **changes):
    """A record with figures that are easy to tell apart."""
    record = LoadRecord(
        id=id_,
        date=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
        model=ModelIdentity(name, "qwen3", 5_000, "beef"),
        options=LoadOptions(ctx_size=4096, cache_type_k="q8_0", cache_type_v="q4_0"),
        library="0.3.36",
        build="CPU",
        program="0.1.0",
        system="Linux",
        buffers=(BufferAccount(Kind.K, "CUDA0", 10, 11, 12),),
        devices=(DeviceAccount("CUDA0", "RTX 4060", "cuda", "580", 100, 110, 150, 40),),
        process_bytes=7,
    )
    return msgspec.structs.replace(record, **changes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "ledger.jsonl"


def test_what_is_written_is_read_in_its_order(path):
    ledger = Ledger(path)
    assert ledger.read() == ()
    loads = [
        a_load("a"),
        a_load("b", failure=Failure("OutOfMemory", Phrase("No room for {size}.", size="4 GiB")), devices=()),
    ]
    for load in loads:
        ledger.append(load)
    found = Ledger(path).read()
    assert found == tuple(loads)
    assert found[1].failure.message.template == "No room for {size}."  # can be said in another language


def test_a_later_record_of_a_load_takes_the_place_of_the_earlier(path):
    ledger = Ledger(path)
    ledger.append(a_load("a"))
    ledger.append(a_load("b"))
    ledger.append(a_load("a", process_bytes=9))
    assert [(load.id, load.process_bytes) for load in ledger.read()] == [("a", 9), ("b", 7)]


@pytest.mark.parametrize(
    "damage", [b'{"id": "torn", "da', b"\x00\xff\x00", b"[]", b'{"id": "of another version"}']
)
def test_a_damaged_line_is_skipped_and_kept(path, damage):
    ledger = Ledger(path)
    ledger.append(a_load("a"))
    with path.open("ab") as file:
        file.write(damage)  # and no end of line: the power went
    ledger.append(a_load("b"))
    assert [load.id for load in ledger.read()] == ["a", "b"]
    assert damage in path.read_bytes().splitlines()


def test_a_record_of_a_version_with_more_fields_is_read(path):
    path.parent.mkdir()
    line = msgspec.json.decode(msgspec.json.encode(a_load("a")))
    path.write_bytes(msgspec.json.encode({**line, "mood": "good"}) + b"\n")
    assert Ledger(path).read() == (a_load("a"),)


def test_the_oldest_are_dropped(path):
    ledger = Ledger(path, most_lines=3)
    for number in range(5):
        ledger.append(a_load(str(number)))
    assert [load.id for load in ledger.read()] == ["2", "3", "4"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]  # no temporary file left


def test_clearing_forgets_all_and_may_be_done_twice(path):
    ledger = Ledger(path)
    ledger.append(a_load())
    ledger.clear()
    ledger.clear()
    assert ledger.read() == ()


def test_a_ledger_that_cannot_be_used_is_said_with_its_path(tmp_path):
    ledger = Ledger(tmp_path)  # a folder
    with pytest.raises(StoreError) as found:
        ledger.read()
    assert str(tmp_path) in found.value.hint
    with pytest.raises(StoreError):
        ledger.append(a_load())
    with pytest.raises(StoreError):
        export_csv([a_load()], tmp_path / "no" / "such" / "folder.csv")


def test_the_table_has_a_row_for_each_device_and_for_each_of_its_kinds(tmp_path):
    export_csv([a_load()], tmp_path / "x.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text("utf-8"))))
    assert [row["kind"] for row in rows] == ["total", "k"]
    total, k = rows
    figures = ("estimated_bytes", "planned_bytes", "measured_bytes", "difference_bytes")
    assert [total[name] for name in figures] == ["100", "110", "150", "40"]
    assert [k[name] for name in figures] == ["10", "11", "12", ""]
    for row in rows:
        assert (row["model"], row["ctx_size"], row["cache_type_k"], row["driver"], row["header_hash"]) == (
            "Qwen3-8B", "4096", "q8_0", "580", "beef",
        )  # fmt: skip


def test_what_is_not_known_is_empty_and_a_failure_named():
    device = DeviceAccount("CPU", "", "cpu", "", 1, None, None, None)
    load = a_load(devices=(device,), buffers=(), failure=Failure("killed", Phrase("Killed by signal 9.")))
    (row,) = csv.DictReader(io.StringIO(csv_text([load])))
    assert (row["failure"], row["planned_bytes"], row["measured_bytes"]) == ("killed", "", "")


@pytest.mark.parametrize("name", ["=1+1", "+A1", "-2", "@sum", '=HYPERLINK("http://x")'])
def test_a_models_name_is_no_formula(name):
    row = next(csv.DictReader(io.StringIO(csv_text([a_load(name=name)]))))
    assert row["model"] == f"'{name}"


def test_a_name_with_commas_and_lines_stays_one_cell():
    name = 'A, "B"\nC'
    rows = list(csv.DictReader(io.StringIO(csv_text([a_load(name=name)]), newline="")))
    assert {row["model"] for row in rows} == {name}
