"""Says what each message takes in the prompt, so that it can be shown what would fall out of a context."""

from collections.abc import Callable, Sequence

from kvdesk.engine.protocol import Message


def message_ends(messages: Sequence[Message], text: bytes) -> list[int]:
    """Where each message ends in the conversation's text, in bytes: with its content.

    What a template writes between two messages counts with the later one, and what follows the last one, the
    beginning of an answer, with the last. A message that the template left out or rewrote has no length.
    """
    ends: list[int] = []
    place = 0
    for message in messages:
        content = message.content.strip().encode("utf-8", "replace")
        found = text.find(content, place)
        place = place if found < 0 else found + len(content)
        ends.append(place)
    if ends:
        ends[-1] = len(text)
    return ends


def first_token_of_last(
    messages: Sequence[Message], text: bytes, tokens: Sequence[int], piece: Callable[[int], bytes]
) -> int:
    """Where the last message begins, with what the template writes in front of it."""
    last = tokens_of_messages(messages, text, tokens, piece)[-1:]
    return len(tokens) - sum(last)


def tokens_of_messages(
    messages: Sequence[Message], text: bytes, tokens: Sequence[int], piece: Callable[[int], bytes]
) -> tuple[int, ...]:
    """How many of the tokens of a text each message takes; together they are all of them."""
    ends = message_ends(messages, text)
    counts = [0] * len(ends)
    message = byte = 0
    for token in tokens:
        while message < len(ends) - 1 and byte >= ends[message]:
            message += 1
        counts[message] += 1
        byte += len(piece(token))
    return tuple(counts)
