"""The slash commands of `kvdesk chat` about its context: how full it is, what more costs, making it so."""

import sys
from collections.abc import Callable

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.chat_room import as_json
from kvdesk.cli.prompting import agree
from kvdesk.cli.rehearse import rehearse
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import Event, RebuildProgress
from kvdesk.errors import OptionError
from kvdesk.memory.cache_types import BY_NAME
from kvdesk.plan.offer import Rung
from kvdesk.units import format_bytes, format_duration, format_tokens, parse_tokens

_HELP = """/context        how large the context is and how full, and what is in it
/cost TEXT      what sending a text would cost
/ladder         the steps to a larger context
/grow [N]       make the context larger, to N tokens or by the next step
/shrink N       make it smaller
/types K V      give the cache other types
/rehearse       fill the context to its end, to see that it holds"""

_GAUGE = 40  # characters


def help_text() -> str:
    """What the commands do, a line each."""
    return t(_HELP)


class ContextCommands:
    """Each command returns whether the chat goes on, which it does. Raises KvDeskError and Cancelled."""

    def __init__(self, conversation: Conversation) -> None:
        self._chat = conversation

    def commands(self) -> dict[str, Callable[[str], bool]]:
        """The commands by their words."""
        return {
            "/context": self._context,
            "/cost": self._cost,
            "/ladder": self._ladder,
            "/grow": self._grow,
            "/shrink": self._shrink,
            "/types": self._types,
            "/rehearse": self._rehearse,
        }

    def _context(self, _: str) -> bool:
        room, used = self._chat.room, self._chat.cells_used
        options, report = room.options, room.report
        values: dict[str, object] = {
            "requested": room.asked_ctx,
            "planned": room.planned_ctx,
            "actual": room.n_ctx,
            "cells_used": used,
            "cache_type_k": options.cache_type_k,
            "cache_type_v": options.cache_type_v,
            "total_bytes": report.bytes_of(),
            "overflow": self._chat.overflow,
        }
        filled = round(_GAUGE * used / room.n_ctx)
        lines = [
            t(
                "Context: {asked} requested, {planned} planned, {actual} there",
                asked=format_tokens(room.asked_ctx or None),
                planned=format_tokens(room.planned_ctx),
                actual=format_tokens(room.n_ctx),
            ),
            t(
                "{gauge} {used} of {all} tokens",
                gauge="█" * filled + "░" * (_GAUGE - filled),
                used=format_tokens(used),
                all=format_tokens(room.n_ctx),
            ),
            t(
                "K {k}, V {v}; {total} in all; when full: {policy}",
                k=options.cache_type_k,
                v=options.cache_type_v,
                total=format_bytes(report.bytes_of()),
                policy=self._chat.overflow,
            ),
        ]
        self._chat.output.told("context", values, "\n".join(lines))
        return True

    def _cost(self, text: str) -> bool:
        said = self._chat.count(text)
        if said is None:
            raise OptionError("There is nothing to count yet.", "Write /cost and a text.")
        room = self._chat.room
        seconds = room.curve.seconds(said.reused_tokens, said.new_tokens)
        after = min(room.n_ctx, said.prompt_tokens + room.expected_tokens)
        values: dict[str, object] = {
            "prompt_tokens": said.prompt_tokens,
            "reused_tokens": said.reused_tokens,
            "new_tokens": said.new_tokens,
            "seconds_to_first_token": seconds,
            "cells_before": self._chat.cells_used,
            "cells_after": after,
        }
        words = t(
            "{new} tokens to read, {reused} reused; {before} of {all} tokens before, about {after} after",
            new=format_tokens(said.new_tokens),
            reused=format_tokens(said.reused_tokens),
            before=format_tokens(self._chat.cells_used),
            all=format_tokens(room.n_ctx),
            after=format_tokens(after),
        )
        if seconds is not None:
            words += "; " + t("the first word in about {seconds}", seconds=format_duration(seconds))
        self._chat.output.told("cost", values, words)
        return True

    def _ladder(self, _: str) -> bool:
        steps = self._chat.room.ladder(self._chat.cells_used)
        words = "\n".join(f"  {number}. {t(step.cost)}" for number, step in enumerate(steps, 1))
        nothing = t("No larger context fits into the memory that is free.")
        values: dict[str, object] = {"steps": [as_json(step) for step in steps]}
        self._chat.output.told("ladder", values, words or nothing)
        return True

    def _grow(self, text: str) -> bool:
        if text:
            return self._resize(parse_tokens(text), is_growth=True)
        steps = self._chat.room.ladder(self._chat.cells_used)
        if not steps:
            raise OptionError("No larger context fits into the memory that is free.", "/types may free some.")
        return self._take(steps[0])

    def _shrink(self, text: str) -> bool:
        return self._resize(parse_tokens(text), is_growth=False)

    def _resize(self, ctx_size: int, *, is_growth: bool) -> bool:
        now = self._chat.room.n_ctx
        if ctx_size <= 0 or (ctx_size > now) != is_growth:
            raise OptionError("The context is {now} tokens already.", "Name another size.", now=now)
        return self._take(self._chat.room.step(self._chat.cells_used, ctx_size=ctx_size))

    def _types(self, text: str) -> bool:
        words = text.split()
        if not 1 <= len(words) <= 2 or any(word not in BY_NAME for word in words):
            raise OptionError("Name a type for K and one for V.", "Types: {names}.", names=", ".join(BY_NAME))
        k, v = words[0], words[-1]
        return self._take(self._chat.room.step(self._chat.cells_used, cache_type_k=k, cache_type_v=v))

    def _take(self, step: Rung | None) -> bool:
        """State the price, have it confirmed on a terminal, and go."""
        if step is None:
            raise OptionError("These options make no configuration.", "/context shows those there are.")
        output = self._chat.output
        output.told("step", as_json(step), t(step.cost))
        if step.margin_bytes < 0:
            raise OptionError("That does not fit into the memory that is free.", "/ladder lists what does.")
        if not agree(t("Go on? [Y/n] "), when_piped=True):
            return True
        said = self._chat.set_context(step.options, step.route, self._progress)
        values: dict[str, object] = {
            "how": said.how,
            "route": said.route,
            "n_ctx": said.n_ctx_seq,
            "cache_type_k": said.options.cache_type_k,
            "cache_type_v": said.options.cache_type_v,
            "kept_tokens": said.kept_tokens,
            "state_bytes": said.state_bytes,
            "elapsed_s": said.elapsed_s,
            "copy_s": said.copy_s,
            "divergence": said.divergence,
            "why": said.why,
        }
        words = t(
            "Context of {ctx} tokens, K {k}, V {v}: {kept} tokens kept in {seconds}",
            ctx=format_tokens(said.n_ctx_seq),
            k=said.options.cache_type_k,
            v=said.options.cache_type_v,
            kept=format_tokens(said.kept_tokens),
            seconds=format_duration(said.elapsed_s),
        )
        if said.how == "reread":
            words += "\n" + t(said.why)
        elif said.divergence is not None:
            words += "\n" + t("The next word's scores diverge by {kl}.", kl=f"{said.divergence:.1e}")
        output.told("rebuilt", values, words)
        return True

    def _progress(self, event: Event) -> None:
        if sys.stderr.isatty() and isinstance(event, RebuildProgress):
            sys.stderr.write(f"\r\x1b[2m{t(event.stage)} {event.fraction:.0%}\x1b[0m\x1b[K\r")
            sys.stderr.flush()

    def _rehearse(self, _: str) -> bool:
        rehearse(self._chat)
        return True
