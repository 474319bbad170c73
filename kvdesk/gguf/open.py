"""Opens whatever a person names as a model: "demo", a path, or the address of a file not downloaded yet."""

from pathlib import Path

from kvdesk.gguf.header import Header
from kvdesk.gguf.splits import read_model
from kvdesk.resources import resolve_model


def open_model(source: str) -> Header:
    """Read the header of "demo", of a path (the first of a split set stands for all) or of an http(s) URL.

    Raises GgufError.
    """
    path = resolve_model(source)
    if path.lower().startswith(("http://", "https://")):
        # Imported here because urllib costs 30 ms, which only those pay who need it.
        from kvdesk.gguf.remote import read_remote

        return read_remote(path)
    return read_model(Path(path).expanduser())
