"""Reads the small files in which Linux shows a device; one that is missing or strange is no reading."""

from pathlib import Path

DRM = Path("/sys/class/drm")


def cards(drm: Path, vendor: str) -> list[Path]:
    """The folders of a vendor's graphics cards, in the kernel's order; their connectors lie beside them."""
    found = sorted(card for card in drm.glob("card[0-9]*") if card.name.removeprefix("card").isdigit())
    return [card for card in found if text_in(card / "device" / "vendor") == vendor]


def text_in(path: Path) -> str | None:
    """A file's text without its line's end."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None


def number_in(path: Path) -> int | None:
    """A file's whole number."""
    text = text_in(path)
    return int(text) if text and text.lstrip("-").isdigit() else None


def first_number(*paths: Path) -> int | None:
    """The number in the first of these files that has one: drivers and kernels name them differently."""
    return next((number for path in paths if (number := number_in(path)) is not None), None)


def hwmon(device: Path) -> Path:
    """The folder of a device's sensors; one that does not exist where it has none."""
    return next(iter(sorted((device / "hwmon").glob("hwmon*"))), device / "hwmon")
