"""llama.cpp's low-level binding, imported alone, and its log."""

import ctypes
import importlib
import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kvdesk.errors import StartFailed


def _load_binding() -> Any:
    """Import `llama_cpp.llama_cpp`, the plain ctypes binding, and nothing else of the package.

    The package's `__init__` pulls in the high-level half of llama-cpp-python (numpy, jinja2, a disk cache):
    two thirds of the time an import takes. An empty module that knows where the package lies lets the
    submodule be imported alone; it is what the import system itself makes before it runs `__init__`.
    """
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or spec.submodule_search_locations is None:
            raise StartFailed(
                "llama-cpp-python is not installed.",
                "Run the set-up script again; it builds and installs it.",
            )
        package = types.ModuleType("llama_cpp")
        package.__path__ = list(spec.submodule_search_locations)
        package.__spec__ = spec
        sys.modules["llama_cpp"] = package
    try:
        return importlib.import_module("llama_cpp.llama_cpp")
    except (ImportError, OSError, RuntimeError) as error:
        raise StartFailed(
            "llama.cpp's library cannot be loaded: {reason}",
            "Run the set-up script again; it builds the library for this machine.",
            reason=error,
        ) from error


llama = _load_binding()


def binding_version() -> str:
    """llama-cpp-python's version, from its installed metadata."""
    from importlib.metadata import version  # takes 15 ms, and only the greeting asks

    return version("llama-cpp-python")


# enum ggml_log_level; llama-cpp-python's own names for these numbers are out of date.
_DEBUG, _INFO, _WARN, _CONTINUED = 1, 2, 3, 5
_WANTED_DEBUG = b": dev = "  # of a thousand debug lines a context writes, those that name a layer's device


class Log:
    """llama.cpp's log: recorded while somebody asks for it, and passed on to stderr.

    llama.cpp has one callback for the whole process, so a process makes one of these. Warnings and errors
    always reach stderr, where the parent keeps the last of them; the rest does only under `verbose`.
    """

    def __init__(self) -> None:
        self._record: list[str] | None = None
        self._partial = ""
        self._level = _INFO
        self._is_verbose = False
        callback = llama.llama_log_callback(self._hear)
        # The library may log to the end of the process, whoever holds this object until then.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(callback))
        llama.llama_log_set(callback, None)

    @contextmanager
    def record(self, verbose: bool = False) -> Iterator[list[str]]:
        """Collect the lines that are logged meanwhile, at debug level only those that say where a layer is.

        `verbose` copies those above debug level to stderr.
        """
        lines: list[str] = []
        self._record, self._is_verbose = lines, verbose
        try:
            yield lines
        finally:
            self._record, self._is_verbose = None, False

    def _hear(self, level: int, text: bytes, _user_data: object) -> None:
        if level != _CONTINUED:
            self._level = level
        if self._level == _DEBUG and (self._record is None or _WANTED_DEBUG not in text):
            return
        self._partial += text.decode("utf-8", "replace")
        if not self._partial.endswith("\n"):
            return
        line, self._partial = self._partial.rstrip("\n"), ""
        if self._record is not None:
            self._record.append(line)
        if self._level >= _WARN or (self._is_verbose and self._level >= _INFO):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()


def text_of(value: bytes | None) -> str:
    """A C string as text; names in model files are not always valid UTF-8."""
    return (value or b"").decode("utf-8", "replace")


def read_string(fill: Any, *arguments: Any) -> str:
    """Call a llama.cpp function that fills a buffer (`..., char * buf, size_t size`) and return the text."""
    buffer = ctypes.create_string_buffer(4096)
    length = fill(*arguments, buffer, len(buffer))
    return buffer.value.decode("utf-8", "replace") if length >= 0 else ""
