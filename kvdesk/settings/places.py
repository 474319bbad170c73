"""Where the program keeps its files on this system."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from kvdesk.errors import StoreError

HOME_VARIABLE = "KVDESK_HOME"
_CHATS, _PRESETS, _LEDGER = "chats.sqlite3", "presets.toml", "ledger.jsonl"
_PACES, _PARKED = "paces.json", "parked"


@dataclass(frozen=True, slots=True)
class Places:
    """The program's own folders' files."""

    settings: Path
    chats: Path
    presets: Path  # of system prompt and sampling
    ledger: Path
    paces: Path  # how fast this machine reads prompts and moves caches
    parked: Path  # the folder of parked caches

    @property
    def pointer(self) -> Path:
        """The file beside the settings that names the folder of all the rest, where the user has moved it."""
        return self.settings.with_name("data-folder.txt")

    def with_data_in(self, folder: Path) -> "Places":
        """The places when all but the settings are in a folder."""
        return replace(
            self,
            chats=folder / _CHATS,
            presets=folder / _PRESETS,
            ledger=folder / _LEDGER,
            paces=folder / _PACES,
            parked=folder / _PARKED,
        )


def find_places() -> Places:
    """Return the system's usual places, or one folder for all when KVDESK_HOME names it.

    The data is elsewhere where the user has moved it. Raises StoreError when that folder is not there.
    """
    usual = _usual_places()
    try:
        folder = Path(usual.pointer.read_text(encoding="utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return usual
    if not folder.is_dir():
        raise StoreError(
            "The data folder {folder} is not there.",
            "Connect the disk that it is on. To begin with an empty one instead, delete {pointer}.",
            folder=str(folder),
            pointer=str(usual.pointer),
        )
    return usual.with_data_in(folder)


def _usual_places() -> Places:
    if home := os.environ.get(HOME_VARIABLE):
        root = Path(home).expanduser().absolute()
        return Places(
            settings=root / "settings.toml",
            chats=root / _CHATS,
            presets=root / _PRESETS,
            ledger=root / _LEDGER,
            paces=root / _PACES,
            parked=root / _PARKED,
        )
    from platformdirs import PlatformDirs

    folders = PlatformDirs("kvdesk", appauthor=False, roaming=True)
    here = PlatformDirs("kvdesk", appauthor=False)  # what loads take belongs to this machine
    return Places(
        settings=Path(folders.user_config_dir) / "settings.toml",
        chats=Path(folders.user_data_dir) / _CHATS,
        presets=Path(folders.user_data_dir) / _PRESETS,
        ledger=Path(here.user_data_dir) / _LEDGER,
        paces=Path(here.user_data_dir) / _PACES,
        parked=Path(here.user_data_dir) / _PARKED,
    )
