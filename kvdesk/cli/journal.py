"""`kvdesk journal`: every load on this machine, with its launch, what it took and what became of it."""

import typer

from kvdesk.cli.printing import print_json, print_line
from kvdesk.cli.texts import t
from kvdesk.memory.report import HOST
from kvdesk.plan.journal import find_loads
from kvdesk.plan.ledger import Ledger
from kvdesk.plan.load_record import LoadRecord
from kvdesk.settings.places import find_places
from kvdesk.units import format_duration, format_mib, format_tokens


def run(words: list[str], as_json: bool) -> int:
    """Print the loads in which all words occur, the latest last."""
    records = Ledger(find_places().ledger).read()
    found = find_loads(records, " ".join(words))
    if as_json:
        print_json({"loads": [{**_plain(record), "outcome": record.outcome} for record in found]})
    elif not found:
        print_line(
            t("No load has all of these words.") if records else t("No load has been written down yet.")
        )
    for record in () if as_json else found:
        _print(record)
    return 0


def _plain(record: LoadRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def _print(record: LoadRecord) -> None:
    outcome = {
        "loaded": t("loaded"),
        "failed": t("failed"),
        "cancelled": t("called off"),
        "died": t("ended by itself"),
    }[record.outcome]
    when = record.date.astimezone().strftime("%Y-%m-%d %H:%M")
    options = record.options
    head = [
        when,
        record.model.name,
        f"{format_tokens(options.ctx_size)} {options.cache_type_k} {options.cache_type_v}",
        outcome if record.took_s is None else f"{outcome} ({format_duration(record.took_s)})",
    ]
    print_line(" · ".join(head), "bold" if record.fault is None else "bold red")
    if record.fault is not None:
        print_line(f"  {record.fault.kind}: {t(record.fault.message)}")
    for device in record.devices:
        sizes = t(
            "{device}: planned {planned}, measured {measured} MiB",
            device=device.description or device.name or HOST.name,
            planned=format_mib(device.planned_bytes),
            measured=format_mib(device.measured_bytes),
        )
        print_line(f"  {sizes}", "dim")
    print_line(f"  llama-cpp-python {record.library or '–'} · {record.system}", "dim")
    if record.command:
        typer.echo(f"  {record.command}")  # a line to be copied is not wrapped
    print_line()
