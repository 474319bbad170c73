"""A model's tokens: text into tokens and back, and the few facts about them that a chat needs."""

import ctypes

from kvdesk.engine.llama.library import llama

_PIECE_BYTES = 256  # longer than any piece in practice; a longer one is asked for again


class Vocabulary:
    """The vocabulary of a loaded model. Valid as long as the model is.

    `model` is the `llama_model *`.
    """

    def __init__(self, model: object) -> None:
        self.pointer = llama.llama_model_get_vocab(model)
        self.size = int(llama.llama_vocab_n_tokens(self.pointer))
        self._buffer = ctypes.create_string_buffer(_PIECE_BYTES)
        self._pieces: dict[int, bytes] = {}
        bos = int(llama.llama_vocab_bos(self.pointer))
        eos = int(llama.llama_vocab_eos(self.pointer))
        self.bos_text = self._text(bos)
        self.eos_text = self._text(eos)
        # What llama.cpp's tokenizer would put in front of every prompt by itself.
        self._prefix = (bos,) if llama.llama_vocab_get_add_bos(self.pointer) and bos >= 0 else ()
        # SentencePiece vocabularies put a space before the first word of whatever they are given.
        self._adds_space = self.join(self._tokenize(b"a")) != b"a"

    def tokenize(self, text: bytes, *, is_start: bool) -> list[int]:
        """Turn text (UTF-8) into tokens; control tokens written out in it become those tokens.

        With `is_start` the beginning-of-sequence token is added where the model wants one, once, also when
        the template has written it already (llama.cpp strips it likewise).
        """
        if not is_start or not self._prefix:
            return self._tokenize(text)
        bos = self.bos_text.encode()
        return [*self._prefix, *self._tokenize(text[len(bos) :] if bos and text.startswith(bos) else text)]

    def continues(self, tokens: list[int]) -> bool:
        """Whether tokens of a later part of a text are the same as if the text had been tokenised whole.

        They are not where a space was put before the first of them.
        """
        return not self._adds_space or not tokens or self.is_control(tokens[0])

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for, control tokens written out. May be part of a character."""
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._piece(token)
        return known

    def join(self, tokens: list[int]) -> bytes:
        """The bytes of several tokens."""
        return b"".join(map(self.piece, tokens))

    def is_end(self, token: int) -> bool:
        """Whether the model says with this token that its answer is complete."""
        return bool(llama.llama_vocab_is_eog(self.pointer, token))

    def is_control(self, token: int) -> bool:
        """Whether the token is markup and not text."""
        return bool(llama.llama_vocab_is_control(self.pointer, token))

    def _text(self, token: int) -> str:
        return self._piece(token).decode(errors="replace") if token >= 0 else ""

    def _piece(self, token: int) -> bytes:
        length = llama.llama_token_to_piece(self.pointer, token, self._buffer, _PIECE_BYTES, 0, True)
        if length < 0:  # minus the length that it needs
            buffer = ctypes.create_string_buffer(-length)
            length = llama.llama_token_to_piece(self.pointer, token, buffer, -length, 0, True)
            return buffer.raw[:length]
        return self._buffer.raw[:length]

    def _tokenize(self, text: bytes) -> list[int]:
        capacity = len(text) + 2
        while True:
            tokens = (llama.llama_token * capacity)()
            count = llama.llama_tokenize(self.pointer, text, len(text), tokens, capacity, False, True)
            if count >= 0:
                return list(tokens[:count])
            capacity = -count
