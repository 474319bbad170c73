"""Builds the program once and hands it over: the window, or the command line."""

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kvdesk.monitor.host import PsutilProbe
    from kvdesk.session.desk import Desk

NO_DISPLAY = "KV Desk's window needs a display, and this terminal has none."
CHAT_INSTEAD = "To chat here instead: kvdesk chat demo"
# Threads that calculate hand the interpreter over after 0.1 ms instead of 5: every call into Qt gives it up,
# and a picture has dozens of them.
SWITCH_S = 0.0001


def run(arguments: list[str]) -> int:
    """Run the program; return the process's exit status.

    The ways to the window that everybody uses don't pay for the command line's libraries.
    """
    match arguments:
        case [] | ["gui"]:
            return launch_window(None)
        case ["gui", model] if not model.startswith("-"):
            return launch_window(model)
        case _:
            from kvdesk.cli.build import build_cli

            build_cli(launch_window)(arguments)
            return 0


def launch_window(model: str | None) -> int:
    """Show the window on a model, or on the one opened last; without a display say so and return 2."""
    if not has_display(os.environ, sys.platform):
        sys.stderr.write(f"{NO_DISPLAY}\n{CHAT_INSTEAD}\n")
        return 2
    sys.setswitchinterval(SWITCH_S)
    from kvdesk.gui.run import run_window

    return run_window(make_desk, model)


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Whether a window can be shown; asked first, because Qt aborts the process where it cannot."""
    if environment.get("QT_QPA_PLATFORM") or platform in ("win32", "darwin"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def make_desk() -> "Desk":
    """Build the application behind the window, with nothing started yet."""
    from kvdesk.chats.store import ChatStore
    from kvdesk.engine.client import EngineClient
    from kvdesk.monitor.probes import PROBES
    from kvdesk.monitor.sampler import Sampler
    from kvdesk.plan.ledger import Ledger
    from kvdesk.plan.paces import PacesFile
    from kvdesk.session.desk import Desk
    from kvdesk.settings.places import find_places
    from kvdesk.settings.presets import PresetsFile
    from kvdesk.settings.store import SettingsStore

    places = find_places()
    return Desk(
        make_client=lambda emit, name: EngineClient(emit, name=name, gives_way=name == "planner"),
        make_sampler=lambda emit: Sampler(emit, _make_host_probe, PROBES),
        store=ChatStore(places.chats),
        settings=SettingsStore(places.settings),
        presets=PresetsFile(places.presets),
        ledger=Ledger(places.ledger),
        paces=PacesFile(places.paces),
        parked_folder=places.parked,
    )


def _make_host_probe() -> "PsutilProbe":
    from kvdesk.monitor.host import PsutilProbe
    from kvdesk.monitor.windows import shared_memory

    return PsutilProbe(shared_memory())
