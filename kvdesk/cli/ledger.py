"""`kvdesk ledger`: what loads on this machine were expected to take, and what they took."""

from collections.abc import Sequence
from pathlib import Path

from kvdesk.cli.hardware import library_version
from kvdesk.cli.printing import new_table, print_json, print_line, print_table
from kvdesk.cli.texts import t
from kvdesk.errors import OptionError
from kvdesk.memory.report import HOST
from kvdesk.plan.ledger import Ledger, export_csv
from kvdesk.plan.load_record import LoadRecord, margins_of
from kvdesk.settings.places import find_places
from kvdesk.units import format_bytes, format_mib, format_tokens


def run(csv: str, *, clears: bool, as_json: bool) -> int:
    """Print the ledger, write it as CSV, or clear it."""
    ledger = Ledger(find_places().ledger)
    if clears and csv:
        raise OptionError("--clear and --csv do not go together.", "Write the table first, then clear.")
    records = ledger.read()
    if clears:
        ledger.clear()
        _say({"cleared": len(records)}, t("{count} loads forgotten.", count=len(records)), as_json)
    elif csv:
        export_csv(records, Path(csv).expanduser())
        said = {"csv": csv, "loads": len(records)}
        _say(said, t("{count} loads written to {path}.", count=len(records), path=csv), as_json)
    elif as_json:
        print_json({"loads": records, "margins": _margins(records)})
    else:
        _print(records)
    return 0


def _margins(records: Sequence[LoadRecord]) -> list[dict[str, object]]:
    """What the next plan adds, with the version of llama-cpp-python that is installed."""
    return [
        {
            "backend": backend,
            "device": product,
            "driver": driver,
            "bytes": margin.bytes,
            "loads": margin.loads,
        }
        for (backend, product, driver), margin in margins_of(records, library_version()).items()
    ]


def _say(said: dict[str, object], text: str, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        print_line(text)


def _print(records: Sequence[LoadRecord]) -> None:
    if not records:
        print_line(t("No load has been written down yet; load a model to measure one."))
        return
    table = new_table()
    for name in (t("Date"), t("Model")):
        table.add_column(name, overflow="fold")
    table.add_column(t("Context"), justify="right")
    table.add_column("K V")
    table.add_column(t("Device"), overflow="fold")
    for name in (t("Estim."), t("Plan"), t("Measured"), t("Diff.")):
        table.add_column(name, justify="right", no_wrap=True)
    has_proofs = any(record.proof for record in records)
    if has_proofs:
        table.add_column(t("Proven to"), justify="right", no_wrap=True)
    for record in records:
        for index, row in enumerate(_rows(record)):
            style = "red" if record.failure else ""
            cells = row if index == 0 else ("", "", "", "", *row[4:])
            proven = format_tokens(record.proof.n_tokens) if record.proof and index == 0 else ""
            table.add_row(*cells, *((proven,) if has_proofs else ()), style=style)
    print_table(table)
    print_line(
        t("MiB. Mapped pages are left out; the difference is what a load took beyond its plan."), "dim"
    )
    for (_, product, _), margin in margins_of(records, library_version()).items():
        print_line(
            t(
                "The next plan on {device} adds {size}, the most of {loads} loads.",
                device=product or HOST.name,
                size=format_bytes(margin.bytes),
                loads=margin.loads,
            )
        )


def _rows(record: LoadRecord) -> Sequence[tuple[str, ...]]:
    """A row for each device; a load that failed says why where the measurement would stand."""
    options = record.options
    load = (
        record.date.astimezone().strftime("%m-%d %H:%M"),
        record.model.name,
        format_tokens(options.ctx_size),
        f"{options.cache_type_k} {options.cache_type_v}",
    )
    failure = record.failure.kind if record.failure else ""
    rows = [
        (
            *load,
            device.name,
            format_mib(device.estimated_bytes),
            format_mib(device.planned_bytes),
            failure or format_mib(device.measured_bytes),
            format_mib(device.difference_bytes),
        )
        for device in record.devices
    ]
    return rows or [(*load, "–", "–", "–", failure or "–", "–")]
