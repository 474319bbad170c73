"""Settings on disk: read once, written whole, never half."""

import time
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from kvdesk.durable import replace_file
from kvdesk.errors import StoreError
from kvdesk.settings.rows import SETTINGS, SettingRow, Settings
from kvdesk.settings.toml_writer import write_toml


class SettingsStore:
    """The settings file. Keys that this version does not know are kept as they are."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unknown: dict[str, Any] = {}
        self._may_write = True

    def load(self) -> tuple[Settings, StoreError | None]:
        """Read the file; a missing one gives the defaults.

        The error, if there is one, says that the file was damaged and set aside, or which values of it could
        not be used; the settings are usable either way.
        """
        try:
            found = tomllib.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Settings(), None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            return Settings(), self._set_aside()
        except OSError as error:
            self._may_write = False
            return Settings(), _unreadable(self._path, error)
        rows = {row.name: row for row in SETTINGS}
        self._unknown = {key: value for key, value in found.items() if key not in rows}
        values = {key: _checked(rows[key], value) for key, value in found.items() if key in rows}
        bad = [key for key, value in values.items() if value is None]
        settings = Settings(**{key: value for key, value in values.items() if value is not None})
        return settings, _unusable(self._path, bad) if bad else None

    def save(self, settings: Settings) -> None:
        """Write the file: a temporary one beside it, synced, then renamed. Raises StoreError.

        A file that is there and could not be read is not replaced.
        """
        if not self._may_write:
            return
        text = write_toml({**self._unknown, **msgspec.to_builtins(settings)})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self._path, text.encode("utf-8"))
        except OSError as error:
            raise StoreError(
                "The settings could not be saved: {reason}.",
                "Check that {path} may be written and that the disk is not full.",
                reason=error.strerror or str(error),
                path=str(self._path),
            ) from error

    def _set_aside(self) -> StoreError:
        kept = self._path.with_name(f"{self._path.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}.toml")
        try:
            self._path.replace(kept)
        except OSError as error:
            return _unreadable(self._path, error)
        return StoreError(
            "The settings file was damaged; the defaults are used.",
            "The damaged file is kept as {path}.",
            path=str(kept),
        )


def _checked(row: SettingRow, value: object) -> Any:
    """Return the value as its row wants it, None when it is not one."""
    try:
        checked = msgspec.convert(value, row.value_type)
    except msgspec.ValidationError:
        return None
    too_low = row.spec.minimum is not None and checked < row.spec.minimum
    too_high = row.spec.maximum is not None and checked > row.spec.maximum
    return None if too_low or too_high else checked


def _unreadable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        "The settings in {path} cannot be read: {reason}.",
        "The defaults are used until you may read that file.",
        path=str(path),
        reason=error.strerror or str(error),
    )


def _unusable(path: Path, names: list[str]) -> StoreError:
    return StoreError(
        "These settings have values that cannot be used: {names}.",
        "Their defaults are used; correct them in {path}.",
        names=", ".join(sorted(names)),
        path=str(path),
    )
