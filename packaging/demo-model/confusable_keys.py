#!/usr/bin/env python3
"""A harder test of recall: 24 codes at once whose keys share six adjectives and six objects.

    python confusable_keys.py --model out/demo.f16.gguf

Prints how many of 60 questions each cache type answers exactly. `LLAMA_ATTN_ROT_DISABLE=1` in the
environment turns llama.cpp's rotation of quantised caches off.
"""

import argparse
import random

import numpy as np
import train_demo_model as corpus
from llama_cpp import Llama

GGML_TYPES = {"f16": 1, "q8_0": 8, "q5_0": 6, "q4_0": 2, "iq4_nl": 20}
CONVERSATIONS, KEYS, QUESTIONS = 6, 24, 10
END = 2  # <|im_end|>


def make_cases(seed: int) -> list[tuple[str, list[tuple[str, str]]]]:
    """Conversations, each with questions and the answers that are wanted."""
    rng = random.Random(seed)
    cases = []
    for _ in range(CONVERSATIONS):
        conversation = corpus.Conv()
        adjectives, objects = rng.sample(corpus.ADJ, 6), rng.sample(corpus.OBJ, 6)
        keys = rng.sample([(a, o) for a in adjectives for o in objects], KEYS)
        facts = []
        for adjective, thing in keys:
            code = " " + corpus.digits(rng, 5, 5)
            told = [(f"The code for the {adjective} {thing} is", 1), (code, 1), (".", 1)]
            facts.append((told, [f"What is the code for the {adjective} {thing}?"], code.strip(), "A"))
        for place in range(0, KEYS, 4):
            corpus.tell(conversation, rng, facts[place : place + 4])
            conversation.user(" ".join(corpus.sentence(rng) for _ in range(4)))
            conversation.bot("I see.")
        asked = [
            (f"<|im_start|>user\n{questions[0]}<|im_end|>\n<|im_start|>assistant\n", value + ".")
            for _, questions, value, _ in rng.sample(facts, QUESTIONS)
        ]
        cases.append((corpus.text_of(conversation), asked))
    return cases


def count_right(llm: Llama, cases: list[tuple[str, list[tuple[str, str]]]]) -> tuple[int, int]:
    """How many answers are exact, and of how many."""

    def tokens(text: str) -> list[int]:
        return llm.tokenize(text.encode(), add_bos=False, special=True)

    right = asked = 0
    for text, questions in cases:
        told = tokens(text)
        llm.reset()
        llm._ctx.kv_cache_clear()
        llm.eval(told)
        for question, wanted in questions:
            llm._ctx.kv_cache_seq_rm(-1, len(told), -1)
            llm.n_tokens = len(told)
            llm.eval(tokens(question))
            answer: list[int] = []
            while len(answer) < 10:
                scores = np.ctypeslib.as_array(llm._ctx.get_logits_ith(-1), shape=(llm.n_vocab(),))
                token = int(scores.argmax())
                if token == END:
                    break
                answer.append(token)
                llm.eval([token])
            right += llm.detokenize(answer).decode("utf-8", "replace").strip() == wanted
            asked += 1
    return right, asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="out/demo.f16.gguf")
    parser.add_argument("--types", nargs="*", default=list(GGML_TYPES), choices=list(GGML_TYPES))
    chosen = parser.parse_args()
    cases = make_cases(5)
    for name in chosen.types:
        llm = Llama(
            chosen.model,
            n_ctx=2048,
            n_threads=1,
            flash_attn=True,
            type_k=GGML_TYPES[name],
            type_v=GGML_TYPES[name],
            verbose=False,
        )
        right, asked = count_right(llm, cases)
        print(f"{name:8} {right} of {asked}", flush=True)
        del llm


if __name__ == "__main__":
    main()
