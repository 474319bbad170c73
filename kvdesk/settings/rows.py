"""Every setting, once: its name, type, default, limits and what it does."""

from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from kvdesk.plan.options import HelpPage
from kvdesk.units import GIB, MIB

Theme = Literal["system", "light", "dark", "high contrast"]
Language = Literal["system", "en", "zh_CN"]
TextPercent = Literal[80, 90, 100, 110, 125, 150, 175, 200]
TEXT_SIZES: tuple[TextPercent, ...] = get_args(TextPercent)
OverflowPolicy = Literal["stop", "roll", "ask"]
AutoGrow = Literal["offer", "do", "off"]
ParkWhen = Literal["ask", "always", "never"]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How a setting is shown. One without a label is the program's own memory and has no control.

    `words` are what its choices are called, in their order.
    """

    label: str = ""
    help: str = ""
    words: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    page: HelpPage = "window"


_OWN = Setting()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings with their defaults; the field names are the keys of the file."""

    theme: Annotated[
        Theme,
        Setting(
            label="Theme",
            help="Light, dark, or white on black with strong colours.",
            words=("As the desktop", "Light", "Dark", "High contrast"),
        ),
    ] = "system"
    language: Annotated[
        Language,
        Setting(
            label="Language",
            help="Language of the window.",
            words=("As the desktop", "English", "简体中文"),
        ),
    ] = "system"
    text_percent: Annotated[
        TextPercent,
        Setting(
            label="Text size",
            help="Of the whole window, against the desktop’s; Ctrl++ and Ctrl+- change it, too.",
        ),
    ] = 100
    reserve_bytes: Annotated[
        int,
        Setting(
            label="Reserve",
            page="offloading",
            help="Memory on each device that plans leave free for other programs.",
            minimum=0,
            maximum=1 << 50,
        ),
    ] = 512 * MIB
    overflow: Annotated[
        OverflowPolicy,
        Setting(
            label="When the context is full",
            page="kv-cache",
            help="Stop, let the oldest messages fall out, or ask each time; each chat can have its own.",
            words=("Stop", "Leave out the oldest", "Ask"),
        ),
    ] = "stop"
    auto_grow: Annotated[
        AutoGrow,
        Setting(
            label="Larger context",
            page="kv-cache",
            help="When a chat nears the end of its context and memory allows: offer the next step, do it, or"
            " leave it.",
            words=("Offer it", "Do it", "Leave it"),
        ),
    ] = "offer"
    park: Annotated[
        ParkWhen,
        Setting(
            label="Park chats on disk",
            page="kv-cache",
            help="Keep what was read of a chat in a file when it rests, so that it need not be read again.",
            words=("Ask", "Always", "Never"),
        ),
    ] = "ask"
    park_idle_minutes: Annotated[
        int,
        Setting(
            label="Rests after minutes",
            page="kv-cache",
            help="How long nothing happens in a chat before it counts as resting.",
            minimum=1,
            maximum=24 * 60,
        ),
    ] = 10
    # A long chat of a common 8 B model takes about 1 GiB at 8 bits: room for a good dozen of them.
    park_quota_bytes: Annotated[
        int,
        Setting(
            label="Room for parked chats",
            page="kv-cache",
            help="On disk, for all of them; those not used for longest go first.",
            minimum=0,
            maximum=1 << 50,
        ),
    ] = 16 * GIB
    last_model: Annotated[str, _OWN] = ""
    last_chat: Annotated[int, _OWN] = 0
    default_preset: Annotated[str, _OWN] = ""  # that new chats begin with; "": the built-in default
    recent_models: Annotated[tuple[str, ...], _OWN] = ()
    # Launch options that differ from their defaults, by model identity (`session.opened.identity`).
    model_options: Annotated[dict[str, dict[str, Any]], _OWN] = {}
    window_geometry: Annotated[str, _OWN] = ""  # Qt's saveGeometry in base64
    window_splitter: Annotated[tuple[int, ...], _OWN] = ()  # widths in pixels, left to right
    show_chats: Annotated[bool, _OWN] = True
    show_desk: Annotated[bool, _OWN] = True
    show_advanced: Annotated[bool, _OWN] = False
    has_seen_tour: Annotated[bool, _OWN] = False


class SettingRow(msgspec.Struct, frozen=True):
    """One row as its readers see it; `choices` are the only values that a Literal accepts."""

    name: str
    value_type: Any
    default: object
    choices: tuple[str | int, ...]
    spec: Setting


def _row(field: msgspec.structs.FieldInfo, hint: Any) -> SettingRow:
    kind, spec = get_args(hint)
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return SettingRow(field.name, kind, default, choices, spec)


def _rows() -> tuple[SettingRow, ...]:
    hints = get_type_hints(Settings, include_extras=True)
    return tuple(_row(field, hints[field.name]) for field in msgspec.structs.fields(Settings))


SETTINGS: tuple[SettingRow, ...] = _rows()
BY_NAME: dict[str, SettingRow] = {row.name: row for row in SETTINGS}
