"""Caches of conversations that rest in files: which there are, and which go when they take too much room."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kvdesk.chats.rows import ParkedCache
from kvdesk.chats.store import ChatStore
from kvdesk.errors import StoreError

_COLUMNS = "chat_id, file, model, n_bytes, tokens, reread_s, used_s"
ENDING = ".kv"


class ParkedCaches:
    """The folder of parked caches, at most one for each conversation, and its list in the store's file.

    Every method may raise StoreError; call them on the store's thread.
    """

    def __init__(self, store: ChatStore, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self.folder = folder
        self._now = now

    def list(self) -> tuple[ParkedCache, ...]:
        """All that are there, the one used last first; those of deleted conversations are not.

        One whose file is gone is forgotten.
        """
        with self._store.access() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM parked"
                " WHERE chat_id IN (SELECT id FROM chats WHERE deleted_s IS NULL)"
                " ORDER BY used_s DESC, chat_id"
            )
            found = [ParkedCache(*row) for row in rows]
            gone = [cache for cache in found if not Path(cache.file).is_file()]
            db.executemany("DELETE FROM parked WHERE chat_id = ?", [(cache.chat_id,) for cache in gone])
        return tuple(cache for cache in found if cache not in gone)

    def new_file(self, chat_id: int, model: str) -> Path:
        """Where a conversation's cache is to be written; never where its present one lies.

        The present one stays until the new one is whole.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                "The folder for parked chats cannot be made: {reason}.",
                "Check that {path} may be written.",
                reason=error.strerror or str(error),
                path=str(self.folder),
            ) from error
        return self.folder / f"chat-{chat_id}-{model[:8]}-{time.time_ns():x}{ENDING}"

    def add(self, cache: ParkedCache, quota_bytes: int) -> tuple[ParkedCache, ...]:
        """List a cache whose file is written, in place of the conversation's earlier one.

        Those that were not used for longest go until all fit into the quota; they are returned. The new one
        stays even if it alone is larger.
        """
        with self._store.access() as db:
            before = db.execute("SELECT file FROM parked WHERE chat_id = ?", (cache.chat_id,)).fetchone()
            values = (cache.file, cache.model, cache.n_bytes, cache.tokens, cache.reread_s, self._now())
            db.execute(
                f"INSERT OR REPLACE INTO parked ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (cache.chat_id, *values),
            )
        if before is not None and before[0] != cache.file:
            _remove(Path(before[0]))
        return self.keep_within(quota_bytes, but=cache.chat_id)

    def keep_within(self, quota_bytes: int, but: int = 0) -> tuple[ParkedCache, ...]:
        """Drop those not used for longest until all fit into the quota; return them. `but` stays."""
        caches = self.list()
        total = sum(cache.n_bytes for cache in caches)
        dropped: list[ParkedCache] = []
        for cache in reversed(caches):
            if total <= quota_bytes:
                break
            if cache.chat_id != but:
                total -= cache.n_bytes
                dropped.append(cache)
        self.drop([cache.chat_id for cache in dropped])
        return tuple(dropped)

    def used(self, chat_id: int) -> None:
        """A conversation's cache was taken back; it is the last that goes."""
        with self._store.access() as db:
            db.execute("UPDATE parked SET used_s = ? WHERE chat_id = ?", (self._now(), chat_id))

    def drop(self, chat_ids: Sequence[int]) -> None:
        """Delete conversations' caches."""
        with self._store.access() as db:
            for chat_id in chat_ids:
                row = db.execute("DELETE FROM parked WHERE chat_id = ? RETURNING file", (chat_id,)).fetchone()
                if row is not None:
                    _remove(Path(row[0]))

    def sweep(self) -> None:
        """Delete files that no conversation has: what a crash or another program left."""
        listed = {Path(cache.file).name for cache in self.list()}
        old_s = self._now() - 24 * 3600  # a file of another window's, which is being written, is younger
        with contextlib.suppress(OSError):
            for path in self.folder.glob(f"*{ENDING}*"):
                if path.name not in listed and path.stat().st_mtime < old_s:
                    _remove(path)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
