"""Names what a file is that was taken for GGUF, because that tells its owner what to do."""

from kvdesk.errors import NotGguf, Truncated
from kvdesk.gguf.cursor import Cursor
from kvdesk.phrases import Phrase

_OTHER_MODEL = Phrase(
    "Look for a GGUF file of the same model, or convert it with llama.cpp's convert_hf_to_gguf.py."
)
_WEB_PAGE = Phrase("Use the address of the file itself (on Hugging Face: “resolve” instead of “blob”).")
_OLD_MODEL = Phrase("It is older than GGUF; fetch a GGUF file of the same model.")

# What the first bytes say: (start, what it is, what to do).
_KNOWN: tuple[tuple[bytes, Phrase, Phrase], ...] = (
    (
        b"version https://git-lfs",
        Phrase("a Git LFS pointer"),
        Phrase("Run “git lfs pull” in its folder to fetch the model itself."),
    ),
    (b"<!doctype", Phrase("a web page"), _WEB_PAGE),
    (b"<html", Phrase("a web page"), _WEB_PAGE),
    (b"pk\x03\x04", Phrase("a ZIP archive or PyTorch checkpoint"), _OTHER_MODEL),
    (b"\x80\x02", Phrase("a Python pickle"), _OTHER_MODEL),
    (b"\x89hdf", Phrase("an HDF5 file"), _OTHER_MODEL),
    (b"lmgg", Phrase("an old GGML file"), _OLD_MODEL),
    (b"fmgg", Phrase("an old GGML file"), _OLD_MODEL),
    (b"tjgg", Phrase("an old GGML file"), _OLD_MODEL),
    (b"algg", Phrase("a LoRA adapter in the old GGML format"), _OLD_MODEL),
    (b"\x1f\x8b", Phrase("a gzip archive"), Phrase("Unpack it first.")),
    (b"\xfd7zxz", Phrase("an xz archive"), Phrase("Unpack it first.")),
    (b"{", Phrase("a JSON text"), Phrase("Choose the .gguf file beside it.")),
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
        return _error(cursor, Phrase("a safetensors file"), _OTHER_MODEL)
    return NotGguf(
        "“{name}” is not a GGUF file.", "Choose a file whose name ends in .gguf.", name=cursor.name
    )


def _error(cursor: Cursor, what: Phrase, hint: Phrase) -> NotGguf:
    return NotGguf("“{name}” is {what}, not a GGUF file.", hint, name=cursor.name, what=what)
