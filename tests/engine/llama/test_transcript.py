"""Tokens that stay what they were from turn to turn, whatever a tokenizer would make of the text now."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from kvdesk.engine.llama.transcript import Transcript, common_length


class Words:
    """A tokenizer of bytes and of a few longer pieces, which it takes wherever it can.

    A model may generate any of its tokens, also where the tokenizer would choose others.
    """

    def __init__(self, pieces: tuple[str, ...] = (), adds_space: bool = False) -> None:
        self.pieces = [bytes([byte]) for byte in range(256)] + [piece.encode() for piece in pieces]
        self.adds_space = adds_space

    def tokenize(self, text: bytes, *, is_start: bool) -> list[int]:
        text = b" " + text if self.adds_space and not is_start else text
        tokens = []
        while text:
            token = max((t for t, p in enumerate(self.pieces) if text.startswith(p)), key=self.length)
            tokens.append(token)
            text = text[self.length(token) :]
        return tokens

    def continues(self, tokens: list[int]) -> bool:
        return not self.adds_space

    def piece(self, token: int) -> bytes:
        return self.pieces[token]

    def length(self, token: int) -> int:
        return len(self.pieces[token])

    def join(self, tokens: list[int]) -> bytes:
        return b"".join(map(self.piece, tokens))


WORDS = Words(("abc", "ab", "bc", "<e>", "ö"))
ABC, AB, BC, END, UMLAUT = range(256, 261)


def answered(prompt: str, *generated: int, words: Words = WORDS, has_reasoning: bool = False) -> Transcript:
    transcript = Transcript(datetime.now()).continued((), prompt.encode(), words)
    transcript.begin_answer()
    transcript.end_answer(generated, words, has_reasoning=has_reasoning)
    return transcript


def following(transcript: Transcript, text: str, words: Words = WORDS) -> Transcript:
    after = transcript.continued((), text.encode(), words)
    assert words.join(after.tokens).decode() == after.text.decode() == text
    return after


def test_generated_tokens_are_kept_where_the_tokenizer_would_choose_others() -> None:
    before = answered("q:", ord("a"), BC)  # "abc", which would be one token
    after = following(before, "q:abc<e>q:abc")
    assert after.tokens == [*before.tokens, END, *b"q:", ABC]
    after.begin_answer()
    after.end_answer([AB], WORDS, has_reasoning=False)
    assert following(after, "q:abc<e>q:abcab<e>").tokens == [*before.tokens, END, *b"q:", ABC, AB, END]


def test_an_answer_cut_by_a_stop_string_keeps_the_tokens_before_it() -> None:
    before = answered("q:", ord("a"), BC, ord("!"), AB)
    assert following(before, "q:abc<e>").tokens == [*b"q:a", BC, END]
    # In the middle of a token: that one is given up.
    assert following(before, "q:ab<e>").tokens == [*b"q:a", ord("b"), END]


def test_an_answer_is_never_cut_inside_a_character() -> None:
    before = answered("q:", *"ö".encode(), UMLAUT)
    assert following(before, "q:öä").tokens == [*b"q:", *"ö".encode(), *"ä".encode()]


def test_a_changed_question_is_tokenised_anew_after_the_last_answer_before_it() -> None:
    first = answered("q:", ord("a"), BC)
    second = following(first, "q:abc<e>q:abc!")
    second.begin_answer()
    second.end_answer([AB], WORDS, has_reasoning=False)
    edited = following(second, "q:abc<e>q:ab?")
    assert edited.tokens == [*first.tokens, END, *b"q:", AB, ord("?")]
    assert following(second, "Q:abc").tokens == [*b"Q:", ABC]


def test_nothing_is_joined_where_the_tokenizer_would_add_a_space() -> None:
    words = Words(("abc", "bc"), adds_space=True)
    before = answered("q:", ord("a"), 257, words=words)
    assert following(before, "q:abc!", words).tokens == [*b"q:", 256, ord("!")]


@given(st.text("abcö", max_size=12), st.lists(st.sampled_from([ABC, AB, BC, *b"abc"]), max_size=8), st.data())
def test_tokens_and_text_always_say_the_same(prompt: str, generated: list[int], data: st.DataObject) -> None:
    before = answered(prompt, *generated)
    whole = before.text.decode()
    cut = data.draw(st.integers(0, len(whole)))
    after = following(before, whole[:cut] + data.draw(st.text("abc<e>ö", max_size=8)))
    if after.text.startswith(before.text):
        assert after.tokens[: len(before.tokens)] == before.tokens


@given(st.binary(max_size=40), st.binary(max_size=10), st.binary(max_size=10))
def test_the_common_beginning_is_exact(start: bytes, one: bytes, other: bytes) -> None:
    length = common_length(start + one, start + other)
    assert (start + one)[:length] == (start + other)[:length]
    assert (start + one)[length : length + 1] != (start + other)[length : length + 1] or length == min(
        len(start + one), len(start + other)
    )


def test_the_answer_at_a_place_is_the_one_there_or_the_next() -> None:
    transcript = answered("q:", AB, has_reasoning=True)
    assert transcript.answer_at(0) is transcript.answer_at(3) is transcript.answers[0]
    assert transcript.answers[0].has_reasoning
    assert transcript.answer_at(4) is None


def test_an_answer_after_a_gap_keeps_its_tokens() -> None:
    first = answered("<e>one:", AB, END)
    second = first.continued((), b"<e>one:ab<e>the second question:", WORDS)
    second.begin_answer()
    second.end_answer((AB, ord("c")), WORDS, has_reasoning=False)
    without_the_first = "<e>the second question:abc<e>three:"
    after = following(second, without_the_first)
    assert ABC not in after.tokens  # what the tokenizer would take
    assert [after.tokens[answer.first_token : answer.last_token] for answer in after.answers] == [
        [AB, ord("c")]
    ]


def test_a_short_answer_is_not_found_in_other_words() -> None:
    first = answered("<e>say it in short:", AB)
    after = following(first, "<e>another abc altogether:")
    assert after.answers == []
    assert ABC in after.tokens
