"""Which tokens of a prompt belong to which message."""

from hypothesis import given
from hypothesis import strategies as st

from kvdesk.engine.llama.message_tokens import message_ends, tokens_of_messages
from kvdesk.engine.protocol import Message

TEXT = b"<s>sys: Be brief.\nuser: Hi\nbot: Hi there\nuser: Hi\nbot:"
MESSAGES = [
    Message("system", "Be brief."),
    Message("user", " Hi"),
    Message("assistant", "Hi there", "thought and left out"),
    Message("user", "Hi"),
]


def bytes_of(token):
    return bytes([token])


def test_messages_end_with_their_contents_in_order():
    ends = message_ends(MESSAGES, TEXT)
    pieces = [TEXT[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    assert pieces == [b"<s>sys: Be brief.", b"\nuser: Hi", b"\nbot: Hi there", b"\nuser: Hi\nbot:"]
    assert tokens_of_messages(MESSAGES, TEXT, TEXT, bytes_of) == tuple(map(len, pieces))


def test_a_message_that_the_template_left_out_takes_nothing():
    messages = [MESSAGES[0], Message("user", "Not there"), *MESSAGES[1:]]
    assert tokens_of_messages(messages, TEXT, TEXT, bytes_of)[1] == 0


def test_a_token_across_a_boundary_is_counted_once():
    assert tokens_of_messages(
        MESSAGES[1:2] * 2, b"HiHi", [1, 2], lambda token: b"HiH" if token == 1 else b"i"
    ) == (1, 1)


@given(st.lists(st.builds(Message, st.just("user"), st.text("ab", max_size=4)), min_size=1), st.binary())
def test_together_they_are_all_tokens(messages, text):
    assert sum(tokens_of_messages(messages, text, text, bytes_of)) == len(text)
