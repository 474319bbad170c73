"""`kvdesk chats`: lists the conversations, writes them to a file and reads them from files."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kvdesk.chats.files import read_chats, write_chats
from kvdesk.chats.kept import add_chats, read_chat
from kvdesk.chats.store import ChatStore
from kvdesk.cli.printing import print_json, print_line
from kvdesk.cli.texts import t
from kvdesk.settings.places import find_places
from kvdesk.units import format_tokens


def run_list(*, as_json: bool) -> int:
    """Print the conversations, latest first."""
    with _store() as store:
        chats = store.list_chats()
    if as_json:
        rows = [
            {"id": chat.id, "title": chat.title, "tokens": chat.tokens, "updated_s": chat.updated_s}
            for chat in chats
        ]
        print_json({"chats": rows})
        return 0
    for chat in chats:
        day = time.strftime("%Y-%m-%d %H:%M", time.localtime(chat.updated_s))
        print_line(f"{chat.id:>5}  {day}  {format_tokens(chat.tokens):>8}  {chat.title or '–'}")
    if not chats:
        print_line(t("No chats yet."))
    return 0


def run_export(path: str, ids: Sequence[int], *, as_json: bool) -> int:
    """Write the conversations with these ids, or all, into a file."""
    target = Path(path).expanduser()
    with _store() as store:
        wanted = ids or [chat.id for chat in store.list_chats()]
        chats = [read_chat(store, chat_id) for chat_id in wanted]
    chats = [chat for chat in chats if chat.messages]
    write_chats(chats, target)
    _say(
        {"chats": len(chats), "path": path},
        t("{count} chats written to {path}.", count=len(chats), path=path),
        as_json,
    )
    return 0


def run_import(paths: Sequence[str], *, as_json: bool) -> int:
    """Add the conversations in files: all, or, where one cannot be read, none."""
    found = [chat for path in paths for chat in read_chats(Path(path).expanduser())]
    with _store() as store:
        ids = add_chats(store, found, time.time())
    _say({"ids": list(ids)}, t("{count} chats read.", count=len(ids)), as_json)
    return 0


def _say(said: dict[str, object], text: str, as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        print_line(text)


@contextmanager
def _store() -> Iterator[ChatStore]:
    store = ChatStore(find_places().chats)
    store.open()
    try:
        yield store
    finally:
        store.close()
