"""Moves the program's data to another folder while nothing has it open: copied, compared, switched, removed.

Until the switch, which is one renamed file, everything is where it was.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from kvdesk.durable import replace_file
from kvdesk.errors import Cancelled, StoreError
from kvdesk.settings.places import Places

_PIECE_BYTES = 1 << 22
Progress = Callable[[int, int], bool]  # bytes done, of all; False ends the move


def move_data(places: Places, folder: Path, tell: Progress) -> Places:
    """Move conversations, presets, parked caches, ledger and paces; return where they are now.

    Raises StoreError when that cannot be, Cancelled when `tell` says so; nothing has changed then.
    """
    folder = folder.absolute()
    new = places.with_data_in(folder)
    if new.chats.exists() or new.parked.exists() or folder.is_relative_to(places.parked):
        raise StoreError(
            "{folder} already holds data of KV Desk.", "Choose an empty folder.", folder=str(folder)
        )
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _copy(places, new, made, tell)
        places.pointer.parent.mkdir(parents=True, exist_ok=True)
        replace_file(places.pointer, f"{folder}\n".encode())
    except BaseException as error:
        for path in made:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            new.parked.rmdir()
        if isinstance(error, OSError | sqlite3.Error):
            reason = error.strerror if isinstance(error, OSError) else None
            raise StoreError(
                "The data could not be moved to {folder}: {reason}.",
                "It is where it was. Check that the folder may be written and that its disk has room.",
                folder=str(folder),
                reason=reason or str(error),
            ) from error
        raise
    _remove_old(places)
    return new


def _copy(places: Places, new: Places, made: list[Path], tell: Progress) -> None:
    pairs = list(_files(places, new))
    total = sum(path.stat().st_size for path, _ in pairs)
    if places.chats.is_file():
        made.append(new.chats)
        _copy_store(places, new)
    done = 0
    for path, copy in pairs:
        copy.parent.mkdir(exist_ok=True)
        made.append(copy)
        digest = hashlib.blake2b()
        with open(path, "rb") as source, open(copy, "xb") as target:
            while piece := source.read(_PIECE_BYTES):
                target.write(piece)
                digest.update(piece)
                done += len(piece)
                if not tell(done, total):
                    raise Cancelled
            target.flush()
            os.fsync(target.fileno())
        shutil.copystat(path, copy)
        with open(copy, "rb") as written:
            if hashlib.file_digest(written, hashlib.blake2b).digest() != digest.digest():
                raise OSError(f"{copy.name} reads back differently")


def _files(places: Places, new: Places) -> Iterator[tuple[Path, Path]]:
    single = ((places.presets, new.presets), (places.ledger, new.ledger), (places.paces, new.paces))
    for path, copy in single:
        if path.is_file():
            yield path, copy
    if places.parked.is_dir():
        for path in sorted(places.parked.iterdir()):
            if path.is_file():
                yield path, new.parked / path.name


def _copy_store(places: Places, new: Places) -> None:
    """Copy the conversations by SQLite itself, compare them, and name the parked files' new places."""
    with closing(sqlite3.connect(places.chats)) as source, closing(sqlite3.connect(new.chats)) as target:
        source.backup(target)
        if target.execute("PRAGMA integrity_check").fetchone()[0] != "ok" or _counts(source) != _counts(
            target
        ):
            raise sqlite3.DatabaseError(f"{new.chats.name} reads back differently")
        if "parked" in _counts(target):
            rows = target.execute("SELECT chat_id, file FROM parked").fetchall()
            target.executemany(
                "UPDATE parked SET file = ? WHERE chat_id = ?",
                [
                    (str(new.parked / Path(file).name), chat)
                    for chat, file in rows
                    if Path(file).parent == places.parked
                ],
            )
        target.commit()


def _counts(db: sqlite3.Connection) -> dict[str, int]:
    names = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
    return {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for (name,) in names}


def _remove_old(places: Places) -> None:
    """Remove what is now elsewhere; what cannot be removed is only a copy."""
    chats = places.chats
    old = [chats, *(chats.with_name(f"{chats.name}{ending}") for ending in ("-wal", "-shm"))]
    old += [path for path, _ in _files(places, places)]
    for path in old:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        places.parked.rmdir()
