"""Somewhere for a sequence's state to rest: memory of this process, or a file that vanishes with it."""

import ctypes
import mmap
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.errors import DoesNotFit, EngineError
from kvdesk.units import format_bytes

_PIECE = 1 << 20  # bytes written at a time


class Space:
    """Memory from byte `offset` of a map on."""

    def __init__(self, memory: mmap.mmap, offset: int = 0) -> None:
        self.n_bytes = len(memory) - offset
        self._map, self._offset = memory, offset
        self._array = (ctypes.c_uint8 * self.n_bytes).from_buffer(memory, offset)

    @property
    def pointer(self) -> "ctypes.Array[ctypes.c_uint8]":
        """The memory as llama.cpp takes it."""
        return self._array

    @property
    def view(self) -> memoryview:
        """The memory as bytes."""
        return memoryview(self._map)[self._offset :]

    def close(self) -> None:
        """Give the memory back, as soon as nothing else looks at it; a file is gone then."""
        del self._array, self._map

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def new_space(n_bytes: int, folder: str = "") -> Space:
    """Room in memory, or, with a `folder`, in a nameless file there.

    Raises DoesNotFit when there is less, before anything is written, and EngineError.
    """
    return Space(_map_file(n_bytes, folder) if folder else _map_memory(n_bytes))


def state_bytes(context: Context) -> int:
    """The size of what a context holds."""
    return int(llama.llama_state_seq_get_size(context.handle, 0))


def take_state(context: Context, space: Space) -> None:
    """Copy what a context holds into room of `state_bytes`. Raises EngineError when llama.cpp cannot."""
    if llama.llama_state_seq_get_data(context.handle, space.pointer, space.n_bytes, 0) != space.n_bytes:
        raise EngineError("llama.cpp could not copy the cache.")


def put_state(context: Context, space: Space, tokens: Sequence[int]) -> None:
    """Fill a context with a state, which holds `tokens`.

    Raises EngineError when llama.cpp does not take it; the context is empty then.
    """
    context.keep(0)
    if llama.llama_state_seq_set_data(context.handle, space.pointer, space.n_bytes, 0) != space.n_bytes:
        context.keep(0)
        raise EngineError("llama.cpp did not take the cache's contents back.")
    context.tokens[:] = tokens


def map_new_file(file: int, n_bytes: int) -> mmap.mmap:
    """Make an empty file that long and map it.

    Its room is taken on the disk at once: a mapped page without room there would end the process.
    Raises OSError.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, n_bytes)
    else:
        os.truncate(file, n_bytes)
    # Pages that a write has brought into memory, many at once, are ready to be mapped; brought in one by one,
    # by the first touch of each, they take several times as long as the copying. Where memory is short they
    # would be written out empty before they are filled.
    if n_bytes <= psutil.virtual_memory().available // 4:
        _write_zeros(file, n_bytes)
    return mmap.mmap(file, n_bytes)


def _write_zeros(file: int, n_bytes: int) -> None:
    zeros = memoryview(bytes(min(n_bytes, _PIECE)))
    while n_bytes:
        n_bytes -= os.write(file, zeros[:n_bytes])


def _map_memory(n_bytes: int) -> mmap.mmap:
    free = psutil.virtual_memory().available
    if n_bytes > free:
        raise DoesNotFit(
            "Copying the cache takes {needed} of memory and {free} are free.",
            "Close other programs, or let the copy go through a file.",
            needed=format_bytes(n_bytes),
            free=format_bytes(free),
        )
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return mmap.mmap(-1, n_bytes)
    # Filling small pages for the first time takes longer than copying; shared memory has no others.
    memory = mmap.mmap(-1, n_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def _map_file(n_bytes: int, folder: str) -> mmap.mmap:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
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
            return map_new_file(file.fileno(), n_bytes)
    except OSError as error:
        raise EngineError(
            "The cache cannot be copied to “{folder}”: {reason}.",
            "Make room there, or choose another folder.",
            folder=folder,
            reason=error.strerror or str(error),
        ) from error
