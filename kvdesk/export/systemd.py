"""A systemd unit that keeps llama-server running for one user."""

from kvdesk.errors import ExportError
from kvdesk.export.explain import comment
from kvdesk.export.exporter import Exporter, Flag, Launch
from kvdesk.export.llama_flags import EXPRESSED, WRITTEN_FOR, model_flag, server_flags, server_warnings
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

HOME = "%h"


def flags(launch: Launch) -> tuple[Flag, ...]:
    """llama-server's flags. Raises ExportError as `option_flags` does."""
    return (model_flag(launch.model), *server_flags(launch))


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What a llama-server command cannot say."""
    return server_warnings(launch)


def render(launch: Launch, shell: Shell) -> str:
    """The unit, for `systemctl --user`. Raises ExportError for a word with a line break."""
    found = flags(launch)
    head = comment(
        "#",
        f"~/.config/systemd/user/llama-server.service, flags of {WRITTEN_FOR}.",
        found[1:],
        warnings(launch),
    )
    words = [" ".join(_quote(word) for word in flag.words) for flag in found]
    command = " \\\n  ".join(["ExecStart=llama-server", *words])
    lock = "LimitMEMLOCK=infinity\n" if launch.options.mlock else ""
    return (
        f"{head}[Unit]\nDescription=llama-server\n\n[Service]\n{command}\n{lock}Restart=on-failure\n\n"
        "[Install]\nWantedBy=default.target\n"
    )


def _quote(word: str) -> str:
    """Quote a word of ExecStart: %, $ and backslashes mean something even between quotation marks."""
    if any(ord(character) < 32 for character in word):
        raise ExportError(
            "“{word}” has a line break or another control character in it.",
            "Rename the file; no shell passes such a name on reliably.",
            word=word.encode("unicode_escape").decode(),
        )
    home = HOME if word.startswith("~/") else ""
    text = word[1:] if home else word
    for sign, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        text = text.replace(sign, written)
    is_plain = all(
        character.isalnum() or character in "-_./:,+=" for character in home + text if character != "%"
    )
    return home + text if is_plain and word else f'"{home}{text}"'


EXPORTER = Exporter(
    "systemd",
    "systemd unit",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="llama-server.service",
)
