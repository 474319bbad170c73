"""What happens when a conversation no longer fits into its context: what would fall out, and what else to do.

A conversation loses whole exchanges, a question with its answer: a template that wants user and assistant to
take turns would refuse anything else. An exchange with a pinned message stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from kvdesk.phrases import Phrase
from kvdesk.units import format_tokens

# Of the context, what is left out at once: a cache is moved or read again once in many turns, not every turn.
ROLL_SHARE = 0.25
# What a summary is expected to take of what it stands for, and at most.
SUMMARY_SHARE = 0.125
SUMMARY_TOKENS = 512

WayKind = Literal["stop", "roll", "drop", "compact", "grow"]
Seconds = Callable[[int, int], float | None]  # (tokens in the cache, tokens to read) -> s; None: not known
_NONE = Phrase("")
_UNKNOWN: Seconds = lambda depth, tokens: None  # noqa: E731 - a value of that type


@dataclass(frozen=True, slots=True)
class Weighed:
    """A message in the context with its tokens. `id` is the caller's name for it; 0 for one without."""

    role: Literal["system", "user", "assistant"]
    tokens: int
    is_pinned: bool = False
    id: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """One way on. `cost` is a sentence about its price and `seconds` how long it takes, None where that is
    not known; `ids` are of the messages concerned. One that is not possible says in `cost` why.
    """

    kind: WayKind
    cost: Phrase
    seconds: float | None = None
    ids: tuple[int, ...] = ()
    is_possible: bool = True


LOOKING = Way("grow", Phrase("Larger contexts that fit are being looked for."), None, (), False)
NOTHING_LARGER = Way("grow", Phrase("No larger context fits into the memory that is free."), None, (), False)


@dataclass(frozen=True, slots=True)
class Overflow:
    """A prompt and an answer of the expected length take `excess_tokens` more than the context holds.

    `ids` are of the messages that fall out when the conversation rolls on, with `dropped_tokens` in all;
    what follows them is moved together in the cache, or, where `obstacle` says why that cannot be, read
    again: `reread_tokens`.
    """

    n_ctx: int
    prompt_tokens: int
    expected_tokens: int
    ids: tuple[int, ...]
    dropped_tokens: int
    obstacle: Phrase
    reread_tokens: int
    ways: tuple[Way, ...]

    @property
    def excess_tokens(self) -> int:
        """How many tokens are too many."""
        return self.prompt_tokens + self.expected_tokens - self.n_ctx

    @property
    def is_prompt_too_long(self) -> bool:
        """Whether not even the prompt fits, so that there would be no answer at all."""
        return self.prompt_tokens >= self.n_ctx

    def way(self, kind: WayKind) -> Way:
        """The way of a kind."""
        return next(way for way in self.ways if way.kind == kind)


def exchanges(messages: Sequence[Weighed]) -> tuple[tuple[int, ...], ...]:
    """Places of messages in runs that begin with a question; the system's messages belong to none."""
    runs: list[list[int]] = []
    for place, message in enumerate(messages):
        if message.role == "system":
            continue
        if message.role == "user" or not runs:
            runs.append([])
        runs[-1].append(place)
    return tuple(map(tuple, runs))


def falling_out(messages: Sequence[Weighed], n_ctx: int, excess_tokens: int) -> tuple[int, ...]:
    """Places of the messages that fall out of the context: the oldest exchanges that nothing protects.

    A quarter of the context at once, and as much more as is too long. What is answered next, the last
    exchange, stays. Empty where not even all that may go would be enough.
    """
    wanted = max(excess_tokens, round(n_ctx * ROLL_SHARE))
    out: list[int] = []
    tokens = 0
    for run in exchanges(messages)[:-1]:
        if tokens >= wanted:
            break
        if not any(messages[place].is_pinned for place in run):
            out += run
            tokens += sum(messages[place].tokens for place in run)
    return tuple(out) if tokens >= excess_tokens else ()


def overflow_of(
    messages: Sequence[Weighed],
    prompt_tokens: int,
    expected_tokens: int,
    n_ctx: int,
    *,
    obstacle: Phrase = _NONE,
    seconds: Seconds = _UNKNOWN,
    decode_tokens_per_s: float | None = None,
    grow: Way | None = None,
) -> Overflow | None:
    """What becomes of a prompt that does not fit together with an answer; None where both fit.

    `messages` are those of the prompt, the system's and the one to be sent included. `grow` is the next step
    of the ladder as a way on, where it is known.
    """
    excess = prompt_tokens + expected_tokens - n_ctx
    if excess <= 0:
        return None
    places = falling_out(messages, n_ctx, excess)
    after = reread_after(messages, places)
    reread = after if obstacle else 0
    ways = (
        _stop(prompt_tokens, n_ctx),
        _roll(messages, places, obstacle, reread, seconds),
        _drop(messages, excess, after, seconds),
        _compact(messages, places, after, seconds, decode_tokens_per_s),
        grow or LOOKING,
    )
    dropped = sum(messages[place].tokens for place in places)
    return Overflow(
        n_ctx, prompt_tokens, expected_tokens, _ids(messages, places), dropped, obstacle, reread, ways
    )


def reread_after(messages: Sequence[Weighed], places: Sequence[int]) -> int:
    """Tokens of what follows the first of these places without them: what a gap there has read again."""
    if not places:
        return 0
    gone = set(places)
    rest = range(min(gone), len(messages))
    return sum(messages[place].tokens for place in rest if place not in gone)


def _stop(prompt_tokens: int, n_ctx: int) -> Way:
    left = n_ctx - prompt_tokens
    if left <= 0:
        return Way("stop", Phrase("There is no answer until the conversation is shorter."))
    return Way("stop", Phrase("The answer ends after {left} tokens.", left=format_tokens(left)))


def _roll(
    messages: Sequence[Weighed], places: tuple[int, ...], obstacle: Phrase, reread: int, seconds: Seconds
) -> Way:
    if not places:
        return Way("roll", _NOTHING_TO_DROP, is_possible=False)
    tokens = sum(messages[place].tokens for place in places)
    count = len(places)
    if not obstacle:
        said = Phrase(
            "{count} messages with {tokens} tokens fall out. What follows is moved together in the cache:"
            " quick, but not the same as if they had never been said.",
            count=count,
            tokens=format_tokens(tokens),
        )
        return Way("roll", said, 0.0, _ids(messages, places))
    said = Phrase(
        "{count} messages with {tokens} tokens fall out, and {reread} tokens are read again: {obstacle}",
        count=count,
        tokens=format_tokens(tokens),
        reread=format_tokens(reread),
        obstacle=obstacle,
    )
    return Way("roll", said, seconds(_before(messages, places), reread), _ids(messages, places))


def _drop(messages: Sequence[Weighed], excess: int, reread: int, seconds: Seconds) -> Way:
    runs = (run for run in exchanges(messages)[:-1] if not any(messages[place].is_pinned for place in run))
    if sum(messages[place].tokens for run in runs for place in run) < excess:
        return Way("drop", _NOTHING_TO_DROP, is_possible=False)
    said = Phrase(
        "Choose messages with {tokens} tokens or more; they stay in the conversation and can be brought back."
        " What follows them is read again.",
        tokens=format_tokens(excess),
    )
    return Way("drop", said, seconds(0, reread))


def _compact(
    messages: Sequence[Weighed],
    places: tuple[int, ...],
    reread: int,
    seconds: Seconds,
    decode_tokens_per_s: float | None,
) -> Way:
    if not places:
        return Way("compact", _NOTHING_TO_DROP, is_possible=False)
    tokens = sum(messages[place].tokens for place in places)
    summary = summary_tokens(tokens)
    reading, again = seconds(0, tokens), seconds(_before(messages, places), reread + summary)
    time_s = None
    if reading is not None and again is not None and decode_tokens_per_s:
        time_s = reading + again + summary / decode_tokens_per_s
    said = Phrase(
        "{count} messages with {tokens} tokens give way to a summary of at most {summary}, which you see"
        " first. What follows it is read again.",
        count=len(places),
        tokens=format_tokens(tokens),
        summary=format_tokens(summary),
    )
    return Way("compact", said, time_s, _ids(messages, places))


def summary_tokens(tokens: int) -> int:
    """How long a summary of so many tokens may become."""
    return max(48, min(SUMMARY_TOKENS, round(tokens * SUMMARY_SHARE)))


def _before(messages: Sequence[Weighed], places: Sequence[int]) -> int:
    return sum(message.tokens for message in messages[: min(places)]) if places else 0


def _ids(messages: Sequence[Weighed], places: Sequence[int]) -> tuple[int, ...]:
    return tuple(messages[place].id for place in places)


_NOTHING_TO_DROP = Phrase("What may be left out, without pinned messages and the last one, is not enough.")
