"""`kvdesk rehearse`: load a model, fill its context to the end twice, and say what that took."""

import sys

import msgspec

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.chat_output import JsonLines, Output, Terminal
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import Event, RehearsalProgress, Rehearsed
from kvdesk.errors import OptionError
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from kvdesk.units import format_bytes, format_duration, format_tokens


def run(model: str, options: LoadOptions, as_json: bool) -> int:
    """Rehearse with these options. Raises KvDeskError, and Cancelled at Ctrl-C."""
    path = resolve_model(model)
    if path.startswith(("http://", "https://")):
        raise OptionError("A model on the web can be planned for, but not run.", "Download the file first.")
    output: Output = JsonLines() if as_json else Terminal()
    with Conversation(path, options, Sampling(), output) as conversation:
        conversation.load()
        rehearse(conversation)
    return 0


def rehearse(conversation: Conversation) -> None:
    """Fill the loaded context, twice; what the conversation holds in it comes back."""
    room = conversation.room
    seconds = room.curve.seconds(0, room.n_ctx)
    if seconds is not None:
        cost = t("Filling the context twice takes about {seconds}.", seconds=format_duration(2 * seconds))
        conversation.output.told("rehearsal_cost", {"seconds": 2 * seconds}, cost)
    said = conversation.rehearse(_show)
    values = msgspec.to_builtins(said)
    del values["id"], values["event"]
    conversation.output.told("rehearsed", values, _words(said))


def _show(event: Event) -> None:
    if sys.stderr.isatty() and isinstance(event, RehearsalProgress):
        done, total = format_tokens(event.done_tokens), format_tokens(event.total_tokens)
        left = format_duration(event.left_s)
        sys.stderr.write(f"\r\x1b[2m{event.round}/{event.rounds} {done}/{total} {left}\x1b[0m\x1b[K\r")
        sys.stderr.flush()


def _words(said: Rehearsed) -> str:
    lines = [
        t(
            "Proven to {tokens} tokens in {seconds}; the engine held {size} at most.",
            tokens=format_tokens(said.n_tokens),
            seconds=format_duration(said.elapsed_s),
            size=format_bytes(said.process_bytes),
        )
    ]
    for most in said.high_water:
        lines.append(
            t(
                "{device}: {used} in use at most, {free} still free then.",
                device=most.device,
                used=format_bytes(most.used_bytes),
                free=format_bytes(most.free_bytes),
            )
        )
    for speed in said.speeds:
        lines.append(
            t(
                "At {depth}: {prefill:.0f} tokens/s read, {decode:.1f} written.",
                depth=format_tokens(speed.depth),
                prefill=speed.prefill_tokens_per_s,
                decode=speed.decode_tokens_per_s or 0.0,
            )
        )
    return "\n".join(lines)
