"""How commands print: JSON on one line, or quiet aligned tables that are sane at 80 columns."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from rich.table import Table


def print_json(value: object) -> None:
    """Print one object on one line of standard output."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def print_pairs(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names and what they are, in two columns."""
    table = new_table()
    table.show_header = False
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, value)
    print_table(table)


def new_table(title: str = "") -> "Table":
    """An empty table without borders: a rule under its header, two blanks between columns."""
    from rich import box
    from rich.table import Table

    return Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        header_style="dim",
    )


def print_table(table: "Table") -> None:
    """Print a table to standard output, 80 columns wide where that is no terminal."""
    console().print(table)


def print_line(text: str = "", style: str = "") -> None:
    """Print a paragraph, wrapped at words; `style` is rich's ("dim", "yellow")."""
    console().print(text, style=style or None, markup=False, highlight=False)


def console() -> "Console":
    """A console on the present standard output (tests and pipes replace it)."""
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False)


if TYPE_CHECKING:
    from rich.console import Console
