"""A report of a load that one can send: one HTML or Markdown file with all of it and nothing private."""

import base64
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kvdesk.durable import replace_file
from kvdesk.errors import StoreError
from kvdesk.memory.report import Kind
from kvdesk.phrases import Phrase
from kvdesk.plan.load_record import LoadRecord
from kvdesk.plan.options import OPTIONS
from kvdesk.plan.parse import flag_of, write_value
from kvdesk.units import format_bytes, format_duration, format_mib

Form = Literal["html", "markdown"]
Say = Callable[[str], str]
Table = Sequence[tuple[str, ...]]

_KINDS = {
    Kind.WEIGHTS: Phrase("weights"),
    Kind.K: Phrase("K cache"),
    Kind.V: Phrase("V cache"),
    Kind.COMPUTE: Phrase("compute buffer"),
    Kind.RECURRENT: Phrase("recurrent state"),
    Kind.OUTPUT: Phrase("output buffer"),
    Kind.WORK_BUFFER: Phrase("work buffer"),
    Kind.VOCABULARY: Phrase("vocabulary"),
    Kind.PROCESS: Phrase("process"),
    Kind.DEVICE_CONTEXT: Phrase("device context"),
    Kind.MARGIN: Phrase("margin"),
}
_STYLE = """:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:60em;
margin:2em auto;padding:0 1em}table{border-collapse:collapse;margin:.5em 0 1.5em}
td,th{padding:.2em 1.2em .2em 0;text-align:left;border-bottom:1px solid #8884}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
pre{white-space:pre-wrap;padding:1em;background:#8881;border-radius:6px}svg{max-width:100%;height:auto}"""


@dataclass(frozen=True, slots=True)
class Report:
    """A load, the drawing of its run as SVG ("" for none), and messages as (role, text) where wanted."""

    record: LoadRecord
    drawing: str = ""
    messages: tuple[tuple[str, str], ...] = ()


def write_report(report: Report, path: Path, form: Form, say: Say) -> None:
    """Write the file, in the language of `say`. Raises StoreError."""
    text = html_text(report, say) if form == "html" else markdown_text(report, say)
    try:
        replace_file(path, without_home(text).encode("utf-8"))
    except OSError as error:
        raise StoreError(
            "The report could not be written to {path}: {reason}.",
            "Choose another folder, or make room on the disk.",
            path=str(path),
            reason=error.strerror or str(error),
        ) from error


def form_of(path: Path) -> Form:
    """Markdown for a name that says so, HTML otherwise."""
    return "markdown" if path.suffix.lower() in {".md", ".markdown"} else "html"


def without_home(text: str, home: str | None = None) -> str:
    """Write the user's home directory as `~`, wherever it stands."""
    home = (home if home is not None else str(Path.home())).rstrip("/\\")
    for sign in "/\\":
        text = text.replace(home + sign, "~" + sign) if len(home) > 1 else text
    return text


def html_text(report: Report, say: Say) -> str:
    """The report as one page that needs nothing else."""
    parts = [f"<h1>{_escaped(_title(report))}</h1>", f"<p>{_escaped(say(_outcome(report.record)))}</p>"]
    for title, table in _tables(report.record, say):
        has_head = len(table[0]) > 2
        rows = [_html_row(row, "td" if place or not has_head else "th") for place, row in enumerate(table)]
        parts.append(f"<h2>{_escaped(title)}</h2>\n<table>{''.join(rows)}</table>")
    if report.record.command:
        parts.append(f"<pre>{_escaped(report.record.command)}</pre>")
    if report.drawing:
        parts.append(f"<h2>{_escaped(say(Phrase('The run')))}</h2>\n{report.drawing}")
    for role, text in report.messages:
        parts.append(f"<h3>{_escaped(role)}</h3>\n<pre>{_escaped(text)}</pre>")
    return (
        f'<!doctype html>\n<meta charset="utf-8">\n<title>{_escaped(_title(report))}</title>\n'
        f"<style>{_STYLE}</style>\n" + "\n".join(parts) + "\n"
    )


def markdown_text(report: Report, say: Say) -> str:
    """The report as Markdown; the drawing is a picture in the text itself."""
    parts = [f"# {_cell(_title(report))}", say(_outcome(report.record))]
    for title, table in _tables(report.record, say):
        width = max(len(row) for row in table)
        rows = list(table) if width > 2 else [("",) * width, *table]
        lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
        parts.append("\n".join([f"## {title}", "", lines[0], "|" + " --- |" * width, *lines[1:]]))
    if report.record.command:
        parts.append(_fenced(report.record.command))
    if report.drawing:
        picture = base64.b64encode(report.drawing.encode()).decode()
        parts.append(f"![{say(Phrase('The run'))}](data:image/svg+xml;base64,{picture})")
    parts += [f"### {role}\n\n{_fenced(text)}" for role, text in report.messages]
    return "\n\n".join(parts) + "\n"


def _title(report: Report) -> str:
    return f"{report.record.model.name} – KV Desk {report.record.program}"


def _outcome(record: LoadRecord) -> Phrase:
    if record.fault is not None:
        return record.fault.message
    if record.is_cancelled:
        return Phrase("The load was called off.")
    return Phrase("Loaded in {time}.", time=format_duration(record.took_s))


def _tables(record: LoadRecord, say: Say) -> list[tuple[str, Table]]:
    model = record.model
    about = [
        (say(Phrase("Model")), f"{model.name} ({model.architecture}), {format_bytes(model.file_bytes)}"),
        (say(Phrase("Time")), record.date.strftime("%Y-%m-%d %H:%M UTC")),
        ("llama-cpp-python", record.library),
        ("llama.cpp", record.build),
        (say(Phrase("System")), record.system),
        *(
            (device.name, " · ".join(part for part in (device.description, device.driver) if part))
            for device in record.devices
            if device.description or device.driver
        ),
    ]
    options = [
        (flag_of(row), write_value(row, value))
        for row in OPTIONS
        if (value := getattr(record.options, row.name)) != row.default
    ]
    head = ("MiB", "", say(Phrase("estimated")), say(Phrase("planned")), say(Phrase("measured")))
    memory: list[tuple[str, ...]] = [head]
    for device in record.devices:
        sizes = (device.estimated_bytes, device.planned_bytes, device.measured_bytes)
        memory.append((device.name, say(Phrase("in all")), *map(format_mib, sizes)))
        memory += [
            (
                "",
                say(_KINDS[each.kind]),
                *map(format_mib, (each.estimated_bytes, each.planned_bytes, each.measured_bytes)),
            )
            for each in record.buffers
            if each.device == device.name
        ]
    found: list[tuple[str, Table]] = [(say(Phrase("Machine and model")), about)]
    if len(memory) > 1:
        found.append((say(Phrase("Memory")), memory))
    if options:
        found.append((say(Phrase("Options")), options))
    return found


def _html_row(row: tuple[str, ...], tag: str) -> str:
    cells = (
        f"<{tag}{' class=n' if place > 1 else ''}>{_escaped(cell)}</{tag}>" for place, cell in enumerate(row)
    )
    return f"<tr>{''.join(cells)}</tr>\n"


def _escaped(text: str) -> str:
    return html.escape(text)


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def _fenced(text: str) -> str:
    longest = max((len(run) for run in text.split() if set(run) == {"`"}), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
