"""Where the program keeps its files on this system."""

import os
from dataclasses import dataclass
from pathlib import Path

HOME_VARIABLE = "KVDESK_HOME"


@dataclass(frozen=True, slots=True)
class Places:
    """The program's own folders' files."""

    settings: Path
    chats: Path
    ledger: Path
    paces: Path  # how fast this machine reads prompts and moves caches
    parked: Path  # the folder of parked caches


def find_places() -> Places:
    """Return the system's usual places, or one folder for all when KVDESK_HOME names it."""
    if home := os.environ.get(HOME_VARIABLE):
        root = Path(home).expanduser().absolute()
        return Places(
            settings=root / "settings.toml",
            chats=root / "chats.sqlite3",
            ledger=root / "ledger.jsonl",
            paces=root / "paces.json",
            parked=root / "parked",
        )
    from platformdirs import PlatformDirs

    folders = PlatformDirs("kvdesk", appauthor=False, roaming=True)
    here = PlatformDirs("kvdesk", appauthor=False)  # what loads take belongs to this machine
    return Places(
        settings=Path(folders.user_config_dir) / "settings.toml",
        chats=Path(folders.user_data_dir) / "chats.sqlite3",
        ledger=Path(here.user_data_dir) / "ledger.jsonl",
        paces=Path(here.user_data_dir) / "paces.json",
        parked=Path(here.user_data_dir) / "parked",
    )
