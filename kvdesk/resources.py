"""Where the files that travel with the program lie, in a checkout and when installed."""

from pathlib import Path

_CHECKOUT = Path(__file__).parent.parent / "resources"
_INSTALLED = Path(__file__).parent.parent / "kvdesk_resources"


def resource_path(name: str) -> Path:
    """Return the path of a resource such as "demo/demo.f16.gguf" (forward slashes on every system)."""
    root = _CHECKOUT if _CHECKOUT.is_dir() else _INSTALLED
    return root / name


DEMO_MODEL = "demo"


def resolve_model(source: str) -> str:
    """Turn the word "demo" into the built-in model's path; leave paths and URLs as they are."""
    return str(resource_path("demo/demo.f16.gguf")) if source == DEMO_MODEL else source
