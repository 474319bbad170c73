"""Names what a file is that was taken for GGUF, because that tells its owner what to do."""

from kvdesk.errors import NotGguf, Truncated
from kvdesk.gguf.cursor import Cursor

_OTHER_MODEL = "Look for a GGUF file of the same model, or convert it with llama.cpp's convert_hf_to_gguf.py."
_WEB_PAGE = "Use the address of the file itself (on Hugging Face: “resolve” instead of “blob”)."
_OLD_MODEL = "It is older than GGUF; fetch a GGUF file of the same model."

# What the first bytes say: (start, what it is, what to do).
_KNOWN: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs",
        "a Git LFS pointer",
        "Run “git lfs pull” in its folder to fetch the model itself.",
    ),
    (b"<!doctype", "a web page", _WEB_PAGE),
    (b"<html", "a web page", _WEB_PAGE),
    (b"pk\x03\x04", "a ZIP archive or PyTorch checkpoint", _OTHER_MODEL),
    (b"\x80\x02", "a Python pickle", _OTHER_MODEL),
    (b"\x89hdf", "an HDF5 file", _OTHER_MODEL),
    (b"lmgg", "an old GGML file", _OLD_MODEL),
    (b"fmgg", "an old GGML file", _OLD_MODEL),
    (b"tjgg", "an old GGML file", _OLD_MODEL),
    (b"algg", "a LoRA adapter in the old GGML format", _OLD_MODEL),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (b"\xfd7zxz", "an xz archive", "Unpack it first."),
    (b"{", "a JSON text", "Choose the .gguf file beside it."),
)


def not_gguf(cursor: Cursor, start: bytes) -> NotGguf:
    """The error for a file whose first four bytes, `start`, are not GGUF's; looks 28 bytes further."""
    try:
        start += cursor.take(28)
    except Truncated:
        start += bytes(cursor.data[cursor.position : cursor.position + 28])
    for prefix, what, hint in _KNOWN:
        if start.lower().startswith(prefix):
            return _error(cursor, what, hint)
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**32:
        return _error(cursor, "a safetensors file", _OTHER_MODEL)
    return NotGguf(
        "“{name}” is not a GGUF file.", "Choose a file whose name ends in .gguf.", name=cursor.name
    )


def _error(cursor: Cursor, what: str, hint: str) -> NotGguf:
    return NotGguf("“{name}” is {what}, not a GGUF file.", hint, name=cursor.name, what=what)
