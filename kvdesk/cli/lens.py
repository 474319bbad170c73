"""`kvdesk lens`: what a token takes of a model's cache, here and in other engines, as a table and a plot."""

import msgspec

from kvdesk.cli.printing import new_table, print_json, print_line, print_table
from kvdesk.cli.texts import t
from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.phrases import Phrase
from kvdesk.plan.lens import LensRow, look
from kvdesk.resources import resolve_model
from kvdesk.units import format_tokens

_BAR = 9  # characters of the longest bar
_PARTS = " ▏▎▍▌▋▊▉"  # eighths of a character


def run(model: str, as_json: bool) -> int:
    """Print a row for each way to keep the cache. Raises GgufError."""
    shape = shape_of(open_model(resolve_model(model)))
    rows = look(shape)
    if as_json:
        print_json(
            {"model": {"name": shape.name, "architecture": shape.architecture}, "rows": _objects(rows)}
        )
        return 0
    _print(rows)
    return 0


def bar(share: float, width: int = _BAR) -> str:
    """A bar of block characters, `share` of `width` long."""
    eighths = round(share * width * 8)
    return "█" * (eighths // 8) + _PARTS[eighths % 8].strip()


def _objects(rows: tuple[LensRow, ...]) -> list[dict[str, object]]:
    return [
        {
            **msgspec.structs.asdict(row),
            "tokens_per_gib": row.tokens_per_gib,
            "note": t(row.note) if row.note else "",
        }
        for row in rows
    ]


def _print(rows: tuple[LensRow, ...]) -> None:
    most = max((row.tokens_per_gib or 0 for row in rows), default=0) or 1
    table = new_table()
    table.add_column("", style="bold", no_wrap=True, min_width=12)
    table.add_column("", no_wrap=True, min_width=15)
    for title, width in ((t("KiB a token"), 11), (t("bits"), 5), (t("tokens a GiB"), 12)):
        table.add_column(title, justify="right", no_wrap=True, min_width=width)
    table.add_column("", no_wrap=True, style="cyan", min_width=_BAR)
    engine = ""
    for row in rows:
        table.add_row(
            row.engine if row.engine != engine else "",
            t(row.mode),
            _kib(row),
            "–" if row.bits_per_value is None else f"{row.bits_per_value:.2f}".rstrip("0").rstrip("."),
            "–" if row.tokens_per_gib is None else format_tokens(row.tokens_per_gib),
            bar((row.tokens_per_gib or 0) / most),
        )
        engine = row.engine
    print_table(table)
    for note, ways in _notes(rows).items():
        print_line(f"{', '.join(ways)}: {t(note)}", style="dim")
    if fixed := rows[0].fixed_bytes:
        print_line(
            t("llama.cpp keeps {size} MiB besides that do not grow.", size=f"{fixed / 2**20:.1f}"),
            style="dim",
        )


def _notes(rows: tuple[LensRow, ...]) -> dict[Phrase, list[str]]:
    """Each note with what it is about: an engine, where all of its ways share it, or single ways."""
    found: dict[Phrase, list[str]] = {}
    for engine in dict.fromkeys(row.engine for row in rows):
        ways = [row for row in rows if row.engine == engine]
        if ways[0].note and all(row.note == ways[0].note for row in ways):
            found.setdefault(ways[0].note, []).append(engine)
            continue
        for row in ways:
            if row.note:
                found.setdefault(row.note, []).append(f"{engine} {t(row.mode)}")
    return found


def _kib(row: LensRow) -> str:
    if row.bytes_per_token is None:
        return "–"
    more = f" + {row.unpacked_bytes_per_token / 1024:.0f}" if row.unpacked_bytes_per_token else ""
    return f"{row.bytes_per_token / 1024:.2f}{more}"
