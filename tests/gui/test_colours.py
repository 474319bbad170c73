"""Colours that stand for something can be told apart, also by people who see fewer of them."""

import itertools
import math

import pytest

from kvdesk.gui import theme

THEMES = ("light", "dark", "high contrast")
# What a picture beside another may be told from: the kinds of memory, and the series of the graphs.
KINDS = ("weights", "k", "v", "recurrent", "compute", "other")
SERIES = ("text", "k", "muted", "good")
LEAST = 15.0  # CIE76; about 2 can just be seen side by side

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
SIGHTS = {
    "full": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(colour: str, sight: str) -> tuple[float, float, float]:
    """CIELAB of a colour as it is seen."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    red, green, blue = (
        min(1.0, max(0.0, sum(weight * part for weight, part in zip(row, linear, strict=True))))
        for row in SIGHTS[sight]
    )
    x = (0.4124564 * red + 0.3575761 * green + 0.1804375 * blue) / 0.95047
    y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue
    z = (0.0193339 * red + 0.1191920 * green + 0.9503041 * blue) / 1.08883
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("roles", [KINDS, SERIES], ids=["kinds", "series"])
def test_colours_can_be_told_apart(name: str, sight: str, roles: tuple[str, ...]) -> None:
    colours = theme.read_colours(name)
    near = {
        (one, other): round(distance, 1)
        for one, other in itertools.combinations(roles, 2)
        if (distance := math.dist(lab(colours[one], sight), lab(colours[other], sight))) < LEAST
    }
    assert near == {}


def test_the_simulation_shows_what_is_confused() -> None:
    """Red and green of one lightness are far apart for most, near each other without green cones."""
    one, other = "#c8553d", "#7d8a2e"
    assert math.dist(lab(one, "full"), lab(other, "full")) > 50
    assert math.dist(lab(one, "deuteranopia"), lab(other, "deuteranopia")) < 25
