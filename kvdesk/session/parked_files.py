"""Keeps the files of parked caches, on the store's thread, and says so when it is done."""

from collections.abc import Callable

from kvdesk.chats.parked import ParkedCaches
from kvdesk.chats.rows import ParkedCache
from kvdesk.errors import StoreError
from kvdesk.session import events
from kvdesk.session.background import Job
from kvdesk.session.notices import notice_of


class ParkedFiles:
    """Every method returns at once; `submit` runs jobs on the store's thread."""

    def __init__(
        self,
        caches: ParkedCaches,
        submit: Callable[[Job], None],
        emit: Callable[[events.Happening], None],
    ) -> None:
        self._caches = caches
        self._submit = submit
        self._emit = emit

    @property
    def folder(self) -> str:
        """Where they lie."""
        return str(self._caches.folder)

    def read(self) -> None:
        """List what is there, and delete what nobody has any more."""

        def job() -> None:
            self._caches.sweep()
            self._list()

        self._submit(job)

    def find_place(self, chat_id: int, model: str) -> None:
        """Find where a conversation's cache can be written."""

        def job() -> None:
            try:
                path = str(self._caches.new_file(chat_id, model))
            except StoreError as error:
                self._emit(events.NoticeChanged(notice_of(error)))
                path = ""
            self._emit(events.PlaceFound(chat_id, path))

        self._submit(job)

    def add(self, cache: ParkedCache, quota_bytes: int) -> None:
        """A cache was written; others go where that is more than the quota."""

        def job() -> None:
            self._caches.add(cache, quota_bytes)
            self._list()

        self._submit(job)

    def used(self, chat_id: int) -> None:
        """A cache was taken back."""

        def job() -> None:
            self._caches.used(chat_id)
            self._list()

        self._submit(job)

    def drop(self, chat_ids: tuple[int, ...]) -> None:
        """Delete caches."""

        def job() -> None:
            self._caches.drop(chat_ids)
            self._list()

        self._submit(job)

    def keep_within(self, quota_bytes: int) -> None:
        """A smaller quota counts at once."""

        def job() -> None:
            self._caches.keep_within(quota_bytes)
            self._list()

        self._submit(job)

    def _list(self) -> None:
        self._emit(events.ParkedListed(self._caches.list()))
