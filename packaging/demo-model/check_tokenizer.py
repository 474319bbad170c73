#!/usr/bin/env python3
"""Checks that llama.cpp makes the same tokens of a text as the tokenizer the model was trained with.

    python check_tokenizer.py --tokenizer out/tokenizer.json --model out/demo.f16.gguf

Needs `tokenizers` and llama-cpp-python. Ends with status 1 when a string differs or does not round-trip.
"""

import argparse
import random
import sys

import train_demo_model as corpus
from llama_cpp import Llama

STRINGS = 320
ODD = [
    "Hello, world!", "The code for the blue box is 48213.", " leading", "trailing ", "  two  spaces   three",
    "a\nb", "a\n\nb", "\n", "\n\n\n", " \n \n", "\t tab\tx", "don't we'll I'm they've she'd it's You're",
    "DON'T", "1", "12", "123 456", "3.14159", "1,000,000", "x1y2z3", "v1.2.3-rc4", "café naïve Zürich señor",
    "日本語のテスト", "你好，世界", "Привет мир", "مرحبا بالعالم", "שלום", "हिन्दी", "한국어", "😀😃👍🏽 👩‍👩‍👧",
    "→ ← ≤ ≥ ≠", "€50 £20 ¥100", "½ ² ³ Ⅳ ٣ १२३", "\u00a0nbsp\u00a0x", "\u200bzero", "a\u0301 combining",
    "ﬁ ligature", "e\r\nf\r\n", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "<|im_end|><|im_end|>", "<|endoftext|>x", "<|im_sta", "def f(x):\n    return x+1\n",
    '{"a": [1, 2, 3]}', "http://example.com/a?b=c&d=e#f", "!!!???...", "----====____",
    "q8_0 q4_0 iq4_nl -ctk -ctv --cache-type-k", "\\n \\t", "''' \"\"\"", "ſ ß ẞ İ ı", "\x01",
]  # fmt: skip
PIECES = [
    "the", " ", "  ", "\n", "12", "7", " 9", "'s", "a", ".", ", ", "Box", " blue", "\t", "—", "é", "?!", "_",
]  # fmt: skip
RANGES = [(32, 126), (160, 0x24F), (0x370, 0x52F), (0x4E00, 0x4FFF), (0x1F300, 0x1F64F), (10, 10), (32, 32)]


def make_strings(seed: int) -> list[str]:
    """Odd strings by hand, then random ones: conversations, characters of many scripts, awkward pieces."""
    rng = random.Random(seed)
    strings = list(ODD)
    while len(strings) < STRINGS:
        kind = rng.random()
        if kind < 0.4:
            strings.append(corpus.text_of(corpus.conversation(rng, rng.randint(20, 200), 0.3)))
        elif kind < 0.7:
            strings.append("".join(chr(rng.randint(*rng.choice(RANGES))) for _ in range(rng.randint(1, 60))))
        else:
            strings.append("".join(rng.choice(PIECES) for _ in range(rng.randint(1, 40))))
    return strings


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tokenizer", default="out/tokenizer.json")
    parser.add_argument("--model", default="out/demo.f16.gguf")
    chosen = parser.parse_args()
    trained = corpus.load_tokenizer(chosen.tokenizer)
    llm = Llama(chosen.model, vocab_only=True, verbose=False)
    different = changed = 0
    strings = make_strings(5)
    for text in strings:
        wanted = trained.encode(text, add_special_tokens=False).ids
        tokens = llm.tokenize(text.encode(), add_bos=False, special=True)
        if tokens != wanted:
            different += 1
            print(repr(text[:80]), tokens[:30], wanted[:30])
        changed += llm.detokenize(tokens, special=True).decode("utf-8", "replace") != text
    print(f"{len(strings)} strings: {different} with other tokens, {changed} that do not round-trip")
    return 1 if different or changed else 0


if __name__ == "__main__":
    sys.exit(main())
