"""What SQLite's errors mean to the user, and what becomes of a damaged file."""

import errno
import sqlite3
import time
from pathlib import Path

from kvdesk.errors import StoreError

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # Windows has no quota error
_PRIMARY = 0xFF  # extended result codes carry the primary one in their low byte


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is broken, so that no other try would help."""
    return isinstance(error, sqlite3.DatabaseError) and (
        _code(error) in _DAMAGE or str(error).startswith("malformed")
    )


def set_aside(path: Path) -> StoreError:
    """Rename a damaged file and its log; return the error that says where it is now."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    kept = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while kept.exists():
        number += 1
        kept = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    path.rename(kept)
    for ending in ("-wal", "-shm"):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(kept.with_name(kept.name + ending))
    return StoreError(
        "The file of conversations was damaged and a new one was started.",
        "The damaged file is kept as {path}; “sqlite3 FILE .recover” may read most of it.",
        path=str(kept),
    )


def explained(error: Exception, path: Path) -> StoreError:
    """Return the error for the user that says what SQLite or the system said."""
    code = _code(error)
    if code == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in _NO_SPACE:
        return StoreError(
            "The disk is full; the conversation could not be saved.",
            "Free some space on the disk of {path} and send again.",
            path=str(path),
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(
            "Another program is holding the file of conversations.",
            "Close the other program that uses {path} and try again.",
            path=str(path),
        )
    if is_damage(error):
        return StoreError(
            "The file of conversations is damaged.",
            "Restart KV Desk: it keeps {path} under another name and starts a new one.",
            path=str(path),
        )
    return StoreError(
        "The conversations in {path} cannot be read or written: {reason}.",
        "Check that the folder exists and that you may write there.",
        path=str(path),
        reason=str(error),
    )


def _code(error: BaseException) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    return code & _PRIMARY if isinstance(code, int) else 0
