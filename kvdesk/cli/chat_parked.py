"""The slash commands of `kvdesk chat` that let a conversation rest on disk with its cache, and go on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kvdesk.chats.parked import ParkedCaches
from kvdesk.chats.rows import ParkedCache
from kvdesk.chats.store import ChatStore
from kvdesk.chats.title import title_of
from kvdesk.cli.chat_conversation import CHAT, Conversation
from kvdesk.cli.chat_messages import Said
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import Message, Park, Parked, Resume, Resumed
from kvdesk.errors import KvDeskError, OptionError
from kvdesk.plan.ladder import state_bytes_of
from kvdesk.session.stored import read_sampling, write_sampling
from kvdesk.settings.places import find_places
from kvdesk.units import format_bytes, format_duration, format_tokens

_HELP = """/park           keep this chat and its cache on disk
/resume [N]     go on with a parked chat of this model; without N, list them"""

FEWEST_TOKENS = 256  # of which it is asked whether to park them


def help_text() -> str:
    """What the commands do, a line each."""
    return t(_HELP)


class ParkingCommands:
    """Each command returns whether the chat goes on, which it does. Raises KvDeskError and Cancelled."""

    def __init__(self, conversation: Conversation) -> None:
        self._chat = conversation

    def commands(self) -> dict[str, Callable[[str], bool]]:
        """The commands by their words."""
        return {"/park": lambda _: self.park(), "/resume": self._resume}

    def price(self) -> str:
        """What parking would take and spare, in words."""
        room, used = self._chat.room, self._chat.cells_used
        size = state_bytes_of(room.model.shape, room.options, room.report.devices, used)
        seconds = room.curve.seconds(0, used)
        if seconds is None:
            return t(
                "{size} on disk for {tokens} tokens", size=format_bytes(size), tokens=format_tokens(used)
            )
        return t("{size} on disk spare {seconds}", size=format_bytes(size), seconds=format_duration(seconds))

    @property
    def is_worth_it(self) -> bool:
        """Whether there is so much in the cache that reading it again would be felt."""
        return self._chat.cells_used >= FEWEST_TOKENS and self._chat.is_alive()

    def park(self) -> bool:
        """Write the conversation and its cache, and say what that took."""
        chat = self._chat
        if not chat.cells_used:
            raise OptionError("There is nothing to park yet.", "Say something first.")
        with _caches() as (store, caches):
            self._chat.chat_id = self._keep(store)
            path = caches.new_file(self._chat.chat_id, chat.room.model_id)
            said = chat.request(lambda number: Park(id=number, chat=CHAT, path=str(path)))
            assert isinstance(said, Parked)
            spared = chat.room.curve.seconds(0, said.tokens)
            parked = ParkedCache(
                self._chat.chat_id, said.path, chat.room.model_id, said.n_bytes, said.tokens, spared
            )
            gone = caches.add(parked, chat.room.settings.park_quota_bytes)
        values: dict[str, object] = {
            "chat": self._chat.chat_id,
            "path": said.path,
            "n_bytes": said.n_bytes,
            "tokens": said.tokens,
            "elapsed_s": said.elapsed_s,
            "reread_s": spared,
            "evicted": [cache.chat_id for cache in gone],
        }
        words = t(
            "Parked as chat {chat}: {tokens} tokens, {size}, in {seconds}.",
            chat=self._chat.chat_id,
            tokens=format_tokens(said.tokens),
            size=format_bytes(said.n_bytes),
            seconds=format_duration(said.elapsed_s),
        )
        if spared is not None:
            words += " " + t("Reading it again would take {seconds}.", seconds=format_duration(spared))
        chat.output.told("parked", values, words)
        return True

    def _resume(self, text: str) -> bool:
        chat = self._chat
        with _caches() as (store, caches):
            mine = [cache for cache in caches.list() if cache.model == chat.room.model_id]
            if not text:
                return self._list(store, mine)
            cache = next((cache for cache in mine if str(cache.chat_id) == text.strip()), None)
            if cache is None:
                raise OptionError("No chat {chat} of this model is parked.", "/resume lists them.", chat=text)
            stored, messages = store.read_chat(cache.chat_id)
            chat.system = stored.system_prompt
            if stored.sampling:
                chat.sampling = read_sampling(stored.sampling)
            chat.talk.said = [
                Said(
                    Message(each.role, each.content, each.reasoning, each.is_pinned),
                    each.is_dropped,
                    bool(each.stands_for),
                    row=each.id,
                )
                for each in messages
            ]
            self._chat.chat_id = cache.chat_id
            self._take(cache)
            caches.used(cache.chat_id)
        return True

    def _take(self, cache: ParkedCache) -> None:
        chat = self._chat
        try:
            said = chat.request(lambda number: Resume(id=number, chat=CHAT, path=cache.file))
        except KvDeskError as error:
            words = t("This chat is read again: {why}", why=error.message)
            chat.output.told("resumed", {"chat": cache.chat_id, "tokens": 0, "why": error.message}, words)
            return
        assert isinstance(said, Resumed)
        chat.cells_used = said.tokens
        values: dict[str, object] = {
            "chat": cache.chat_id,
            "tokens": said.tokens,
            "elapsed_s": said.elapsed_s,
            "why": "",
        }
        words = t(
            "Chat {chat} is back: {tokens} tokens in {seconds}.",
            chat=cache.chat_id,
            tokens=format_tokens(said.tokens),
            seconds=format_duration(said.elapsed_s),
        )
        chat.output.told("resumed", values, words)

    def _list(self, store: ChatStore, caches: list[ParkedCache]) -> bool:
        titles = {chat.id: chat.title for chat in store.list_chats()}
        lines = [
            f"{cache.chat_id:>5} {format_tokens(cache.tokens):>8} {format_bytes(cache.n_bytes):>9}"
            f" {format_duration(cache.reread_s):>8}  {titles.get(cache.chat_id, '')}"
            for cache in caches
        ]
        rows = [
            {
                "chat": cache.chat_id,
                "title": titles.get(cache.chat_id, ""),
                "tokens": cache.tokens,
                "n_bytes": cache.n_bytes,
                "reread_s": cache.reread_s,
            }
            for cache in caches
        ]
        words = "\n".join(lines) or t("No chat of this model is parked.")
        self._chat.output.told("parked_chats", {"chats": rows}, words)
        return True

    def _keep(self, store: ChatStore) -> int:
        """Write the conversation into the store, where the window finds it too; returns its id."""
        talk, system = self._chat.talk, self._chat.system
        first = next((said.message.content for said in talk.said if said.message.role == "user"), "")
        sampling = write_sampling(self._chat.sampling)
        chat_id = self._chat.chat_id or store.add_chat(system, sampling)
        store.change_chat(chat_id, system_prompt=system, sampling=sampling)
        rows = {said.row for said in talk.said}
        stale = [each.id for each in store.all_messages(chat_id) if each.id not in rows]
        store.supersede(chat_id, stale)
        for said in talk.said:
            if not said.row and said.message.role == "user":
                said.row = store.send(chat_id, said.message.content, title_of(first)).id
            elif not said.row:
                said.row = store.begin_answer(chat_id)
                store.save_answer(said.row, said.message.content, said.message.reasoning, is_partial=False)
        for mark in (True, False):
            pinned = [said.row for said in talk.said if said.message.is_pinned is mark]
            dropped = [said.row for said in talk.said if said.is_dropped is mark]
            store.mark(chat_id, pinned, is_pinned=mark)
            store.mark(chat_id, dropped, is_dropped=mark)
        return chat_id


@contextmanager
def _caches() -> Iterator[tuple[ChatStore, ParkedCaches]]:
    places = find_places()
    store = ChatStore(Path(places.chats))
    store.open()
    try:
        yield store, ParkedCaches(store, places.parked)
    finally:
        store.close()
