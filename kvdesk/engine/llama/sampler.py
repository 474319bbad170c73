"""Chooses the next token, entirely inside llama.cpp: no Python runs per vocabulary entry.

The chain has the samplers of `plan/sampling.py` in llama-server's order (`common_params_sampling::samplers`).
"""

import ctypes
from collections.abc import Sequence
from typing import Self

from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.vocabulary import Vocabulary
from kvdesk.errors import OptionError
from kvdesk.plan.sampling import Sampling

# Sequences end here for DRY (common_params_sampling::dry_sequence_breakers).
_BREAKERS = (b"\n", b":", b'"', b"*")


class Sampler:
    """A chain of samplers for one answer; frees what it holds at the end of its `with` block.

    `n_ctx` is how far back a range of -1 looks. Raises OptionError for settings that llama.cpp refuses.
    """

    def __init__(self, sampling: Sampling, vocabulary: Vocabulary, n_ctx: int) -> None:
        if sampling.repeat_penalty <= 0:
            raise OptionError("A repeat penalty of 0 would divide by zero.", "1 turns the penalty off.")
        params = llama.llama_sampler_chain_default_params()
        params.no_perf = True
        self._chain = llama.llama_sampler_chain_init(params)
        self._penalty_range = _range(sampling.repeat_last_n, n_ctx) if _has_penalties(sampling) else 0
        self._dry_range = _range(sampling.dry_penalty_last_n, n_ctx) if sampling.dry_multiplier else 0
        for link in self._links(sampling, vocabulary):
            llama.llama_sampler_chain_add(self._chain, link)

    def sample(self, context: object) -> int:
        """Choose a token from the last scores of a `llama_context *`."""
        return int(llama.llama_sampler_sample(self._chain, context, -1))

    def remember(self, tokens: Sequence[int]) -> None:
        """Tell the penalties what came before: the prompt's last tokens, as far back as they look."""
        reach = max(self._penalty_range, self._dry_range)
        for token in tokens[-reach:] if reach else ():
            llama.llama_sampler_accept(self._chain, token)

    def close(self) -> None:
        """Free the chain and all of its samplers."""
        if self._chain is not None:
            llama.llama_sampler_free(self._chain)
            self._chain = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _links(self, s: Sampling, vocabulary: Vocabulary) -> list[object]:
        seed = s.seed if s.seed >= 0 else llama.LLAMA_DEFAULT_SEED
        links = _suppress(vocabulary)
        links.append(
            llama.llama_sampler_init_penalties(
                vocabulary.size,
                self._penalty_range,
                s.repeat_penalty,
                s.frequency_penalty,
                s.presence_penalty,
            )
        )
        if self._dry_range:
            breakers = (ctypes.c_char_p * len(_BREAKERS))(*_BREAKERS)
            links.append(
                llama.llama_sampler_init_dry(
                    vocabulary.pointer,
                    s.dry_multiplier,
                    s.dry_base,
                    s.dry_allowed_length,
                    self._dry_range,
                    breakers,
                    len(_BREAKERS),
                )
            )
        links += [
            llama.llama_sampler_init_top_k(s.top_k),
            llama.llama_sampler_init_typical(s.typical_p, 0),
            llama.llama_sampler_init_top_p(s.top_p, 0),
            llama.llama_sampler_init_min_p(s.min_p, 0),
            llama.llama_sampler_init_xtc(s.xtc_probability, s.xtc_threshold, 0, seed),
        ]
        if s.temperature <= 0:
            return [*links, llama.llama_sampler_init_greedy()]
        temperature = llama.llama_sampler_init_temp_ext(s.temperature, 0.0, 1.0)
        return [*links, temperature, llama.llama_sampler_init_dist(seed)]


def _suppress(vocabulary: Vocabulary) -> list[object]:
    """A bias against the tokens that the model file says must never be chosen, as llama.cpp adds it."""
    count = ctypes.c_int32(0)
    tokens = llama.llama_vocab_get_suppress_tokens(vocabulary.pointer, ctypes.byref(count))
    if not count.value:
        return []
    biases = (llama.llama_logit_bias * count.value)()
    for place in range(count.value):
        biases[place].token, biases[place].bias = tokens[place], float("-inf")
    return [llama.llama_sampler_init_logit_bias(vocabulary.size, count.value, biases)]


def _has_penalties(s: Sampling) -> bool:
    return s.repeat_penalty != 1 or s.frequency_penalty != 0 or s.presence_penalty != 0


def _range(tokens: int, n_ctx: int) -> int:
    """-1 means the context; llama.cpp takes no negative range any more (`llama_sampler_init_penalties`)."""
    return n_ctx if tokens < 0 else min(tokens, n_ctx)
