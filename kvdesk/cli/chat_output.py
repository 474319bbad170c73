"""What a chat shows: for people in a terminal, or as one JSON object a line for programs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import msgspec

from kvdesk.cli.printing import print_json
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import (
    Event,
    Loaded,
    LoadProgress,
    MessagesDropped,
    PrefillProgress,
    TextPiece,
    TurnDone,
)
from kvdesk.memory.report import TOTAL_KINDS, MemoryReport
from kvdesk.units import format_bytes, format_tokens

Hear = Callable[[Event], None]

_SLOW_PREFILL_S = 0.5  # from here on the reading of a prompt shows its progress


class Output(Protocol):
    """What is shown at each step of a chat."""

    def estimated(self, report: MemoryReport) -> None:
        """Before the load."""

    def loading(self) -> AbstractContextManager[Hear]:
        """Around the load; gives the function that hears of its progress."""

    def loaded(self, event: Loaded) -> None:
        """After the load."""

    def heard(self, event: Event) -> None:
        """While an answer comes."""

    def answered(self, event: TurnDone) -> None:
        """After an answer."""

    def told(self, event: str, values: dict[str, object], text: str) -> None:
        """Whatever else there is to say: an event with its values, and the same in words."""


class JsonLines:
    """The contract for programs; nothing but JSON goes to standard output."""

    def estimated(self, report: MemoryReport) -> None:
        """Print what is expected, by kind."""
        print_json({"event": "memory", "degree": report.degree, "totals": _totals(report)})

    @contextmanager
    def loading(self) -> Iterator[Hear]:
        """Stay silent."""
        yield lambda _: None

    def loaded(self, event: Loaded) -> None:
        """Print what was loaded, and what it took."""
        print_json(
            {
                "event": "loaded",
                "model": event.model,
                "description": event.description,
                "options": event.options,
                "n_ctx": event.n_ctx_seq,
                "n_vocab": event.n_vocab,
                "flash_attn": event.flash_attn,
                "has_template": event.has_template,
                "process_bytes": event.process_bytes,
                "elapsed_s": event.elapsed_s,
                "threads": event.threads,
                "thread_paces": event.thread_paces,
                "notes": event.notes,
            }
        )
        print_json({"event": "memory", "degree": event.report.degree, "totals": _totals(event.report)})

    def heard(self, event: Event) -> None:
        """Print each piece of the answer."""
        if isinstance(event, TextPiece):
            print_json(
                {
                    "event": "token",
                    "text": event.text,
                    "tokens": event.tokens,
                    "is_reasoning": event.is_reasoning,
                }
            )
        elif isinstance(event, MessagesDropped):
            values = msgspec.structs.asdict(event)
            del values["id"]
            print_json({"event": "dropped", **values})

    def answered(self, event: TurnDone) -> None:
        """Print the whole answer with its figures, and how full the cache is."""
        values = msgspec.structs.asdict(event)
        del values["cache"], values["id"]
        print_json({"event": "turn", **values})
        cache = msgspec.structs.asdict(event.cache)
        print_json({"event": "memory", "degree": "cache", **{k: cache[k] for k in _CACHE_KEYS}})

    def told(self, event: str, values: dict[str, object], text: str) -> None:
        """Print the values."""
        print_json({"event": event, **values})


_CACHE_KEYS = ("cells_used", "n_ctx", "k_bytes", "v_bytes")


class Terminal:
    """For people: answers go to standard output, everything about them to standard error."""

    def __init__(self) -> None:
        self._is_thinking = False
        self._has_progress = False

    def estimated(self, report: MemoryReport) -> None:
        """One line with the totals that are not zero."""
        parts = [
            f"{t(kind.value)} {format_bytes(size)}" for kind in TOTAL_KINDS if (size := report.bytes_of(kind))
        ]
        self._note(
            t("Estimate: {total} ({parts})", total=format_bytes(report.bytes_of()), parts=", ".join(parts))
        )

    @contextmanager
    def loading(self) -> Iterator[Hear]:
        """A bar, on a terminal."""
        if not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import Progress

        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(t("Loading"), total=1.0)

            def hear(event: Event) -> None:
                if isinstance(event, LoadProgress):
                    bar.update(task, completed=event.fraction)

            yield hear

    def loaded(self, event: Loaded) -> None:
        """One line: what was loaded, the cache and how long it took."""
        self._note(
            t(
                "Loaded {model} in {seconds} s: {ctx} tokens of context, K {k}, V {v}, {total}",
                model=event.description,
                seconds=f"{event.elapsed_s:.1f}",
                ctx=format_tokens(event.n_ctx_seq),
                k=event.options.cache_type_k,
                v=event.options.cache_type_v,
                total=format_bytes(event.report.bytes_of()),
            )
        )
        if event.thread_paces:
            paces = "; ".join(f"{pace.threads}: {pace.tokens_per_s:.1f}" for pace in event.thread_paces)
            self._note(
                t(
                    "CPU threads that answer: {count} (tokens/s with each: {paces}); -t takes another number",
                    count=event.threads,
                    paces=paces,
                )
            )

    def heard(self, event: Event) -> None:
        """Stream the answer; what the model thinks is dimmed, and left out where there is no terminal."""
        if isinstance(event, PrefillProgress):
            self._show_progress(event)
        elif isinstance(event, MessagesDropped):
            self._clear_progress()
            self._note(_dropped(event))
        elif isinstance(event, TextPiece):
            self._clear_progress()
            self._set_thinking(event.is_reasoning)
            if not event.is_reasoning or sys.stdout.isatty():
                sys.stdout.write(event.text)
                sys.stdout.flush()

    def answered(self, event: TurnDone) -> None:
        """End the answer's line and print the figures."""
        self._clear_progress()
        self._set_thinking(False)
        sys.stdout.write("" if event.text.endswith("\n") else "\n")
        sys.stdout.flush()
        self._note(_figures(event))

    def told(self, event: str, values: dict[str, object], text: str) -> None:
        """Print the words."""
        self._note(text)

    def _set_thinking(self, is_thinking: bool) -> None:
        if is_thinking != self._is_thinking and sys.stdout.isatty():
            sys.stdout.write("\x1b[2m" if is_thinking else "\x1b[0m\n\n")
        self._is_thinking = is_thinking

    def _show_progress(self, event: PrefillProgress) -> None:
        if event.elapsed_s >= _SLOW_PREFILL_S and sys.stderr.isatty():
            sys.stderr.write(
                "\r\x1b[2m"
                + t(
                    "Reading {done} of {total} tokens",
                    done=format_tokens(event.done_tokens),
                    total=format_tokens(event.total_tokens),
                )
                + "\x1b[0m"
            )
            sys.stderr.flush()
            self._has_progress = True

    def _clear_progress(self) -> None:
        if self._has_progress:
            sys.stderr.write("\r\x1b[K")
            self._has_progress = False

    def _note(self, text: str) -> None:
        dim, plain = ("\x1b[2m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
        sys.stderr.write(f"{dim}{text}{plain}\n")
        sys.stderr.flush()


def _totals(report: MemoryReport) -> dict[str, int]:
    return {f"{kind.value}_bytes": report.bytes_of(kind) for kind in TOTAL_KINDS} | {
        "total_bytes": report.bytes_of()
    }


# Why tokens were read again (RereadReason), in words.
_REASONS = {
    "history_changed": "the conversation was changed",
    "reasoning_dropped": "the template drops what was thought",
    "template_rewrote": "the template writes earlier messages differently now",
    "window_passed": "the sliding window has moved on",
    "cannot_rewind": "this model cannot go back",
    "model_reloaded": "the model was loaded anew",
    "other_chat": "another chat used the cache",
    "context_shifted": "messages were left out",
    "options_changed": "the context was made anew",
}

_STOPS = {
    "length": "stopped at the longest answer allowed",
    "context_full": "stopped: the context is full",
    "cancelled": "stopped",
}


def _dropped(event: MessagesDropped) -> str:
    """What fell out of the context, and what that has read again."""
    said = t(
        "{count} messages with {tokens} tokens fell out of the context; /messages shows them.",
        count=len(event.places),
        tokens=format_tokens(event.tokens),
    )
    return f"[{said} {t(event.why)}]" if event.why else f"[{said}]"


def _figures(event: TurnDone) -> str:
    """The line under an answer."""
    parts = [
        t("{reused} tokens reused", reused=format_tokens(event.reused_tokens)),
        t(
            "{new} read in {seconds} s",
            new=format_tokens(event.prompt_tokens - event.reused_tokens),
            seconds=f"{event.prefill_s:.2f}",
        ),
        t(
            "{written} written in {seconds} s",
            written=format_tokens(event.completion_tokens),
            seconds=f"{event.decode_s:.2f}",
        ),
    ]
    if event.decode_s > 0 and event.completion_tokens > 1:
        speed = f"{event.completion_tokens / event.decode_s:,.1f}"
        parts.append(t("{speed} tokens/s", speed=speed))
    filled = event.cache.cells_used / event.cache.n_ctx
    parts.append(t("context {percent} full", percent=f"{filled:.0%}"))
    if event.reread_tokens:
        reason = t(_REASONS.get(event.reread_reason, event.reread_reason))
        again = format_tokens(event.reread_tokens)
        parts.append(t("{again} read again: {reason}", again=again, reason=reason))
    if event.stop_reason in _STOPS:
        parts.append(t(_STOPS[event.stop_reason]))
    return "[" + " · ".join(parts) + "]"
