"""Finds loads in the ledger by what anybody may remember of them."""

from collections.abc import Iterable

from kvdesk.plan.load_record import LoadRecord


def find_loads(records: Iterable[LoadRecord], words: str) -> tuple[LoadRecord, ...]:
    """The loads in which every word occurs, whatever its case; all of them for no words."""
    wanted = words.casefold().split()
    return tuple(record for record in records if _holds(record, wanted))


def _holds(record: LoadRecord, wanted: list[str]) -> bool:
    if not wanted:
        return True
    model, options = record.model, record.options
    parts = [
        record.date.astimezone().strftime("%Y-%m-%d %H:%M"),
        model.name,
        model.architecture,
        record.command,
        f"{options.cache_type_k} {options.cache_type_v} {options.ctx_size}",
        record.outcome,
        f"llama-cpp-python {record.library}",
        record.build,
        record.system,
        *(f"{device.name} {device.description} {device.driver}" for device in record.devices),
    ]
    if record.fault is not None:
        parts += [record.fault.kind, record.fault.message]
    text = "\n".join(parts).casefold()
    return all(word in text for word in wanted)
