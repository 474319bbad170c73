"""Somewhere for a sequence's state to rest: memory of this process, or a file that vanishes with it."""

import ctypes
import mmap
import os
import shutil
import tempfile
from typing import Self

import psutil

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.errors import DoesNotFit, EngineError
from kvdesk.units import format_bytes


class Space:
    """`n_bytes` of memory; with a `folder`, of a nameless file there, mapped into memory.

    Raises DoesNotFit when memory or disk have less to give, before anything is written.
    """

    def __init__(self, n_bytes: int, folder: str = "") -> None:
        self.n_bytes = n_bytes
        if folder:
            self._map = _map_file(n_bytes, folder)
        else:
            self._map = _map_memory(n_bytes)
        self._array = (ctypes.c_uint8 * n_bytes).from_buffer(self._map)

    @property
    def pointer(self) -> "ctypes.Array[ctypes.c_uint8]":
        """The memory as llama.cpp takes it."""
        return self._array

    @property
    def view(self) -> memoryview:
        """The memory as bytes."""
        return memoryview(self._map)

    def close(self) -> None:
        """Give the memory back, as soon as nothing else looks at it; a file is gone then."""
        del self._array, self._map

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def take_state(context: Context, folder: str = "") -> Space:
    """Copy what a context holds. Raises DoesNotFit, and EngineError when llama.cpp cannot."""
    n_bytes = llama.llama_state_seq_get_size(context.handle, 0)
    space = Space(n_bytes, folder)
    if llama.llama_state_seq_get_data(context.handle, space.pointer, n_bytes, 0) != n_bytes:
        space.close()
        raise EngineError("llama.cpp could not copy the cache.")
    return space


def put_state(context: Context, space: Space, tokens: list[int]) -> None:
    """Fill a context with a state, which holds `tokens`.

    Raises EngineError when llama.cpp does not take it; the context is empty then.
    """
    context.keep(0)
    if llama.llama_state_seq_set_data(context.handle, space.pointer, space.n_bytes, 0) != space.n_bytes:
        context.keep(0)
        raise EngineError("llama.cpp did not take the cache's contents back.")
    context.tokens[:] = tokens


def _map_memory(n_bytes: int) -> mmap.mmap:
    free = psutil.virtual_memory().available
    if n_bytes > free:
        raise DoesNotFit(
            "Copying the cache takes {needed} of memory and {free} are free.",
            "Close other programs, or let the copy go through a file.",
            needed=format_bytes(n_bytes),
            free=format_bytes(free),
        )
    memory = mmap.mmap(-1, n_bytes)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        memory.madvise(mmap.MADV_HUGEPAGE)  # filling small pages for the first time takes as long as copying
    return memory


def _map_file(n_bytes: int, folder: str) -> mmap.mmap:
    try:
        free = shutil.disk_usage(folder).free
        if n_bytes > free:
            raise DoesNotFit(
                "Copying the cache takes {needed} and “{folder}” has {free} left.",
                "Make room there, or choose another folder.",
                needed=format_bytes(n_bytes),
                folder=folder,
                free=format_bytes(free),
            )
        with tempfile.TemporaryFile(dir=folder) as file:
            # A mapped page that finds no room on the disk later would end the process.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            else:
                file.truncate(n_bytes)
            return mmap.mmap(file.fileno(), n_bytes)
    except OSError as error:
        raise EngineError(
            "The cache cannot be copied to “{folder}”: {reason}.",
            "Make room there, or choose another folder.",
            folder=folder,
            reason=error.strerror or str(error),
        ) from error
