"""How advice is shown: the flags to change, what they bring, and their price."""

from typing import Any

from kvdesk.cli.printing import print_line
from kvdesk.cli.texts import t
from kvdesk.plan.offer import Advice
from kvdesk.plan.remedy import written
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
        changes = " ".join(written(name, value) for name, value in offer.changes)
        template = (
            "{changes} makes it fit ({gain}). {cost}" if offer.fits else "{changes} frees {gain}. {cost}"
        )
        line = t(template, changes=changes, gain=format_bytes(offer.gain_bytes), cost=t(offer.cost))
        print_line(line, style="" if offer.fits else "dim")
