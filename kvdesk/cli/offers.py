"""How advice is shown: the flags to change, what they bring, and their price."""

from typing import Any

from kvdesk.cli.printing import print_line
from kvdesk.cli.texts import t
from kvdesk.plan.offer import Advice
from kvdesk.plan.options import BY_NAME
from kvdesk.plan.parse import flag_of, write_value
from kvdesk.units import format_bytes


def offer_object(offer: Advice) -> dict[str, Any]:
    """The JSON object of one change. Sizes are bytes."""
    return {
        "options": dict(offer.changes),
        "gain_bytes": offer.gain_bytes,
        "margin_bytes": offer.margin_bytes,
        "fits": offer.fits,
        "cost": offer.cost,
    }


def print_offers(offers: tuple[Advice, ...]) -> None:
    """Print one line for each change, those that are not enough by themselves dimmed."""
    for offer in offers:
        changes = " ".join(_flag(name, value) for name, value in offer.changes)
        template = (
            "{changes} makes it fit ({gain}). {cost}" if offer.fits else "{changes} frees {gain}. {cost}"
        )
        line = t(template, changes=changes, gain=format_bytes(offer.gain_bytes), cost=t(offer.cost))
        print_line(line, style="" if offer.fits else "dim")


def _flag(name: str, value: object) -> str:
    row = BY_NAME[name]
    if value is False and row.spec.off_flags:
        return row.spec.off_flags[-1]
    return flag_of(row) if value is True else f"{flag_of(row)} {write_value(row, value)}"
