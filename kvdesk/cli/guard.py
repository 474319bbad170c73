"""Every way a command can fail ends here: one line of what happened, one of what to do, exit status 2."""

import contextlib
import json
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from kvdesk.cli.texts import t
from kvdesk.errors import Cancelled, KvDeskError

FAILED = 2
INTERRUPTED = 130


class GuardedGroup(TyperGroup):
    """The root command: runs the others and turns every exception into its two lines."""

    def main(self, args: Sequence[str] | None = None, *unused: Any, **extra: Any) -> Any:
        """Run with `args` (those of the process when None) and exit with the command's status."""
        words = list(sys.argv[1:] if args is None else args)
        extra |= {"args": words, "prog_name": "kvdesk", "standalone_mode": False}
        try:
            status = super().main(**extra)
        except KvDeskError as error:
            status = report(error, as_json="--json" in words)
        except typer.TyperException as error:
            status = report(_usage_error(error, words), as_json="--json" in words)
        except (KeyboardInterrupt, Cancelled, typer.Abort):
            status = INTERRUPTED
        except BrokenPipeError:  # the reader of a pipe had enough
            with contextlib.suppress(OSError):
                sys.stdout.close()
            status = 0
        except Exception as error:
            status = report(_unexpected(error), as_json="--json" in words)
        sys.exit(status if isinstance(status, int) else 0)


class LlamaStyleCommand(TyperCommand):
    """A command that reads flags as llama.cpp does: `--ctx_size` for `--ctx-size`, and the old bare `-fa`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Rewrite the arguments, then parse them as usual."""
        return super().parse_args(ctx, llama_style(args))


def llama_style(args: Sequence[str]) -> list[str]:
    """Write llama.cpp's variants of a flag as the one form that is parsed."""
    words: list[str] = []
    for index, word in enumerate(args):
        if word.startswith("--") and "_" in word:
            name, equals, value = word.partition("=")
            word = name.replace("_", "-") + equals + value
        words.append(word)
        following = args[index + 1] if index + 1 < len(args) else "-"
        if word in {"-fa", "--flash-attn"} and _BEGINS_SOMETHING_ELSE.search(following):
            words.append("on")  # until August 2025 it was a switch
    return words


# What stands after a bare -fa: another flag, or a model.
_BEGINS_SOMETHING_ELSE = re.compile(r"^-(?!1$)|[./\\]|^demo$")


def report(error: KvDeskError, as_json: bool, **more: object) -> int:
    """Print an error in its two lines, with `as_json` also as an object on stdout; return the status."""
    message, hint = t(error.message), t(error.hint)
    if as_json:
        said = {"error": {"kind": error.kind, "message": message, "hint": hint}, **more}
        sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    sys.stderr.write("\n".join(line for line in (message, hint) if line) + "\n")
    return FAILED


class UsageError(KvDeskError):
    """The command line itself is wrong."""


class InternalError(KvDeskError):
    """A mistake of this program's own."""


def _usage_error(error: Exception, words: list[str]) -> KvDeskError:
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    command = next((word for word in words if not word.startswith("-")), "")
    if said.startswith("No such command") and command.lower().endswith((".gguf", "demo")):
        return UsageError(
            "“{word}” is a model, not a command.", "Open it with: kvdesk gui {word}", word=command
        )
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "kvdesk"
    lines = " ".join(said.split()).rstrip(".")
    return UsageError("{said}.", "See {path} --help.", said=lines, path=path)


def _unexpected(error: Exception) -> KvDeskError:
    from platformdirs import user_log_path

    log = user_log_path("kvdesk", appauthor=False) / "errors.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        return InternalError("An unexpected error: {reason}.", "Please report it.", reason=repr(error))
    return InternalError(
        "An unexpected error: {reason}.", "The details are in {log}.", reason=repr(error), log=str(log)
    )
