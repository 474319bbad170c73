"""Keeps the tokens a conversation was really made of, so that its next turn finds them in the cache.

A template gives text, and text can be cut into tokens in several ways: what a model generated is often not
what its tokenizer would make of the same words. So earlier answers are found again in the new text and keep
their tokens; only what is new is tokenised. (llama-server tokenises all again and loses the cache there.)
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from kvdesk.engine.protocol import Message

_LEAD_BYTES = 16  # what a template writes before an answer, so that a short one is not found in other words


class Tokenizer(Protocol):
    """What a transcript needs of a vocabulary."""

    def tokenize(self, text: bytes, *, is_start: bool) -> list[int]:
        """Text into tokens."""

    def continues(self, tokens: list[int]) -> bool:
        """Whether tokens of a later part of a text are the same as if the whole had been tokenised."""

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for."""


@dataclass(slots=True)
class Answer:
    """Where a generated answer lies in the conversation, in bytes of text and in tokens."""

    first_byte: int
    first_token: int
    last_byte: int
    last_token: int  # one past the last, like `last_byte`
    has_reasoning: bool = False


@dataclass(slots=True)
class Transcript:
    """One conversation as the model has seen it. `text` and `tokens` say the same.

    `tokens` may run ahead of the cache: by what a cancelled prefill did not reach, and by the last token of
    an answer, which nothing has followed yet. `evaluated_tokens` is how many have been in the cache.
    """

    started: datetime
    messages: tuple[Message, ...] = ()
    text: bytes = b""
    tokens: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    evaluated_tokens: int = 0

    def continued(self, messages: tuple[Message, ...], prompt: bytes, vocabulary: Tokenizer) -> "Transcript":
        """The transcript of this conversation's next prompt, its text given by the template.

        Answers keep their tokens, also those after a place where something was left out or changed.
        """
        answers = self._answers_within(common_length(self.text, prompt), vocabulary)
        tokens = self.tokens[: answers[-1].last_token] if answers else []
        byte = answers[-1].last_byte if answers else 0
        for answer in self.answers[len(answers) :]:
            first = self._place_of(answer, prompt, byte)
            between = vocabulary.tokenize(prompt[byte:first], is_start=not byte) if first is not None else []
            if first is None or (byte and not vocabulary.continues(between)):
                continue
            tokens += between
            said = self.tokens[answer.first_token : answer.last_token]
            byte = first + answer.last_byte - answer.first_byte
            answers.append(Answer(first, len(tokens), byte, len(tokens) + len(said), answer.has_reasoning))
            tokens += said
        rest = vocabulary.tokenize(prompt[byte:], is_start=not byte)
        if byte and not vocabulary.continues(rest):
            # A join here would put a space into the text; whole answers are better lost than that.
            return Transcript(self.started, messages, prompt, vocabulary.tokenize(prompt, is_start=True))
        return Transcript(self.started, messages, prompt, tokens + rest, answers)

    def become(self, other: "Transcript") -> None:
        """Be another telling of the same conversation."""
        self.messages, self.text, self.tokens = other.messages, other.text, other.tokens
        self.answers, self.evaluated_tokens = other.answers, other.evaluated_tokens

    def begin_answer(self) -> None:
        """What is added from here on was generated."""
        place = len(self.text), len(self.tokens)
        self.answers.append(Answer(*place, *place))

    def end_answer(self, generated: Sequence[int], vocabulary: Tokenizer, *, has_reasoning: bool) -> None:
        """Add what was generated to the answer that was begun."""
        self.text += b"".join(map(vocabulary.piece, generated))
        self.tokens += generated
        answer = self.answers[-1]
        answer.last_byte, answer.last_token = len(self.text), len(self.tokens)
        answer.has_reasoning = has_reasoning

    def answer_at(self, byte: int) -> Answer | None:
        """The answer that lies at a place of the text, or else the next one after it."""
        return next((answer for answer in self.answers if answer.last_byte > byte), None)

    def _place_of(self, answer: Answer, text: bytes, byte: int) -> int | None:
        """Where an answer stands in another text, from `byte` on, after the same words as before."""
        lead = min(_LEAD_BYTES, answer.first_byte)
        said = self.text[answer.first_byte - lead : answer.last_byte]
        found = text.find(said, max(0, byte - lead))
        is_there = found >= 0 and found + lead >= byte and answer.last_byte > answer.first_byte
        return found + lead if is_there else None

    def _answers_within(self, length: int, vocabulary: Tokenizer) -> list[Answer]:
        """The answers in the first bytes of the text; one that goes on beyond them is cut between tokens."""
        within: list[Answer] = []
        for answer in self.answers:
            if answer.last_byte <= length:
                within.append(answer)
                continue
            byte = whole = answer.first_byte
            token = answer.first_token
            for place in range(answer.first_token, answer.last_token):
                byte += len(vocabulary.piece(self.tokens[place]))
                if byte > length:
                    break
                if not _is_inside_character(self.text, byte):
                    whole, token = byte, place + 1
            if token > answer.first_token:
                within.append(
                    Answer(answer.first_byte, answer.first_token, whole, token, answer.has_reasoning)
                )
            break
        return within


def common_length(one: Sequence[object], other: Sequence[object]) -> int:
    """How many items two sequences have in common at their beginnings."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while low < high:  # halves; each step compares only what is still open
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _is_inside_character(text: bytes, byte: int) -> bool:
    """Whether a place in UTF-8 text is not the beginning of a character."""
    return byte < len(text) and text[byte] & 0xC0 == 0x80
