"""Takes a launch over that was read from somebody's command: its model, where it is here, and its options."""

from pathlib import Path

from kvdesk.session import steps


def is_model_there(model: str) -> bool:
    """Whether a model of a launch can be opened: a file of this computer, or an address."""
    try:
        return bool(model) and (steps.is_remote(model) or Path(model).expanduser().is_file())
    except (OSError, ValueError, RuntimeError):  # no path of this system, or a ~name that is nobody
        return False
