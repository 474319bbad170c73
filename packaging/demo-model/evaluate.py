#!/usr/bin/env python3
"""Evaluates the demo GGUF through llama.cpp (llama-cpp-python): exact recall over context length and perplexity, per pair of cache types.
python evaluate.py --model out/demo.f16.gguf --out eval.json"""

import argparse, json, math, os, random, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np
import train_demo_model as g
from llama_cpp import Llama

TY = dict(f16=1, q4_0=2, q4_1=3, q5_0=6, q5_1=7, q8_0=8, iq4_nl=20)
PAIRS = [
    ("f16", "f16"),
    ("q8_0", "q8_0"),
    ("q5_1", "q5_1"),
    ("q5_0", "q5_0"),
    ("q4_1", "q4_1"),
    ("q4_0", "q4_0"),
    ("iq4_nl", "iq4_nl"),
    ("q8_0", "q4_0"),
    ("q4_0", "q8_0"),
]
CASES = {256: 40, 512: 40, 1024: 30, 2048: 20, 4096: 12, 8192: 6}


def case(r, N, count, kind):
    """-> prefix text of about N tokens with facts spread over filler, and four (question, answer) pairs"""
    nf = {256: 4, 512: 6}.get(N, 8)
    used, ks = set(), kind or "AAGAHBAF"
    facts = [g.new_fact(r, used, ks[i % len(ks)]) for i in range(nf)]
    r.shuffle(facts)

    def build(nsent):
        rr = random.Random(seed)
        c = g.Conv()
        slots = sorted(rr.randint(0, nsent) for _ in range(nf))
        i = 0
        s = 0
        buf = []

        def flush():
            if buf:
                c.user(" ".join(buf))
                c.bot(rr.choice(g.FILL_ACK))
                buf.clear()

        while s < nsent or i < nf:
            if i < nf and slots[i] <= s:
                flush()
                g.tell(c, rr, [facts[i]])
                i += 1
                continue
            buf.append(g.sentence(rr))
            s += 1
            if len(buf) >= 8:
                flush()
        flush()
        return g.text_of(c)

    seed = r.getrandbits(40)
    lo, hi = 0, N // 8
    while lo < hi:  # most filler that still fits
        mid = (lo + hi + 1) // 2
        if count(build(mid)) <= N - 36:
            lo = mid
        else:
            hi = mid - 1
    qa = []
    for f in r.sample(facts, min(4, nf)):
        c = g.Conv()
        g.ask(c, r, f)
        t = g.text_of(c)
        cut = t.index("<|im_start|>assistant\n") + len("<|im_start|>assistant\n")
        qa.append((t[:cut], t[cut:].split("<|im_end|>")[0]))
    return build(lo), qa


OOD = [
    "The quick brown fox jumps over the lazy dog.",
    "Llamas never complain about Mondays.",
    "Bring me seventeen yellow umbrellas, please.",
    "GPU temperatures rise whenever fans stop.",
    "Jupyter notebooks annoy cautious programmers.",
    "Kubernetes deploys containers overnight.",
    "I prefer vinegar with my potatoes.",
    "Photosynthesis turns sunshine into sweetness.",
    "Xylophones and bassoons rarely duet.",
    "Her algorithm converged after nineteen epochs.",
    "Pack my crate with five dozen liquor jugs.",
    "Wizards juggle frozen pumpkins.",
    "Please restart Apache on host db42.",
    "Sphinx of black quartz, judge my vow.",
    "Copenhagen bicycles outnumber citizens.",
    "The thermostat reads 21.5 degrees.",
    "Grandmother knits mittens for penguins.",
    "Quantised caches forget trivial details.",
    "Elephants dislike buzzing drones.",
    "Tomorrow we hike toward the glacier.",
]


def skills(llm):
    """first-turn tasks through create_chat_completion (chat template of the file), greedy"""

    def chat(*turns, n=700):
        llm.reset()
        llm._ctx.kv_cache_clear()
        msgs = []
        for i, t in enumerate(turns):
            msgs.append(dict(role="user" if i % 2 == 0 else "assistant", content=t))
        return llm.create_chat_completion(msgs, temperature=0, max_tokens=n)["choices"][0]["message"][
            "content"
        ]

    def first(fn, r):
        c = g.Conv()
        fn(c, r)
        t = g.text_of(c)
        q, b = t.split("<|im_end|>\n<|im_start|>assistant\n")
        return q[len("<|im_start|>user\n") :], b.split("<|im_end|>")[0]

    out, r, bad = {}, random.Random(31337), []
    n = ok = 0
    for a, qs in g.FAQ:
        for q in qs:
            x = chat(q).strip()
            n += 1
            ok += x == a
            (x == a) or bad.append(("faq", q, x))
    out["faq_exact"] = [ok, n]
    for name, fn, k in [("copy_exact", g.t_copy, 60), ("count_exact", g.t_count, 60)]:
        ok = 0
        for _ in range(k):
            q, want = first(fn, r)
            x = chat(q).strip()
            ok += x == want.strip()
            if x != want.strip():
                bad.append((name, q, x))
        out[name] = [ok, k]
    ok = 0
    for q in OOD:
        x = chat("Repeat after me: " + q).strip()
        ok += x == q
        if x != q:
            bad.append(("copy_new_words", q, x))
    out["copy_new_words"] = [ok, len(OOD)]
    ok = near = 0
    ks = [2, 3, 4, 5, 6, 8, 10, 12, 15, 20]
    for k in ks:
        x = chat(f"Tell me a story in {k} sentences.")
        m = x.count(".")
        ok += m == k
        near += abs(m - k) <= 1
    out["story_sentences_exact"] = [ok, len(ks)]
    out["story_sentences_within_1"] = [near, len(ks)]
    out["samples"] = []
    for t in [
        ("Hello!",),
        ("Who are you?",),
        ("My name is Clara.", "Noted.", "What is my name?"),
        (
            "The code for the blue box is 48213.",
            "Noted.",
            "What is the KV cache?",
            g.FAQ[7][0],
            "What is the code for the blue box?",
        ),
        (
            "The code for the blue box is 48213. The code for the red box is 77120.",
            "Got it.",
            "What is the code for the red box?",
        ),
        ("What is the code for the green door?",),
        ("Tell me a story in 6 sentences.",),
        ("Count from 7 to 15.",),
        ("Name four animals.",),
        ("Repeat after me: The quick brown fox jumps over the lazy dog.",),
        ("What is the capital of Spain?",),
        ("please explain what a kv cache is good for",),
        ("My dog is called Rex and he is 7 years old.", "Noted.", "How old is my dog?"),
    ]:
        out["samples"].append([list(t), chat(*t).strip()])
    out["misses"] = bad[:40]
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", default="demo.f16.gguf")
    p.add_argument("--out", default="eval.json")
    p.add_argument("--pairs", default="")
    p.add_argument("--lengths", default="256,512,1024,2048,4096")
    p.add_argument("--scale", type=float, default=1.0)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--show", type=int, default=0)
    p.add_argument("--no-ppl", action="store_true")
    p.add_argument("--kind", default="")
    p.add_argument("--skills", action="store_true")
    a = p.parse_args()
    Ls = [int(x) for x in a.lengths.split(",")]
    pairs = [tuple(x.split("/")) for x in a.pairs.split(",")] if a.pairs else PAIRS
    kw = dict(
        model_path=a.model,
        n_ctx=max(Ls) + 128,
        n_batch=512,
        n_ubatch=512,
        n_threads=a.threads,
        n_threads_batch=a.threads,
        flash_attn=True,
        verbose=False,
    )
    llm = Llama(**kw)
    tk = lambda s: llm.tokenize(s.encode(), add_bos=False, special=True)
    data = {}
    for N in Ls:
        r = random.Random(777 + N)
        data[N] = [case(r, N, lambda t: len(tk(t)), a.kind) for _ in range(max(1, int(CASES[N] * a.scale)))]
    r = random.Random(4242)
    txt = ""  # held-out text: another seed, 64 KB
    while len(txt) < 65536:
        txt += g.text_of(g.conversation(r, 1000, 0.05) if r.random() < 0.85 else g.short_chat(r, 600))
    pt = tk(txt[:65536])
    del llm
    res = dict(
        model=os.path.basename(a.model),
        cases={N: sum(len(c[1]) for c in data[N]) for N in Ls},
        mean_prompt_tokens={},
        ppl_tokens=len(pt),
        pairs={},
    )
    for k, v in pairs:
        t0 = time.time()
        llm = Llama(**kw, type_k=TY[k], type_v=TY[v])
        row = {}
        npf = tpf = nd = td = 0
        for N in Ls:
            ok = n = okp = 0
            lens = []
            for pre, qa in data[N]:
                pt_ = tk(pre)
                t = time.time()
                llm.reset()
                llm._ctx.kv_cache_clear()
                llm.eval(pt_)
                tpf += time.time() - t
                npf += len(pt_)
                for q, want in qa:
                    llm._ctx.kv_cache_seq_rm(-1, len(pt_), -1)
                    llm.n_tokens = len(pt_)
                    qt = tk(q)
                    lens.append(len(pt_) + len(qt))
                    llm.eval(qt)
                    out = []
                    t = time.time()
                    for _ in range(24):
                        # greedy: logits of the last position
                        lg = np.ctypeslib.as_array(llm._ctx.get_logits_ith(-1), shape=(llm.n_vocab(),))
                        i = int(lg.argmax())
                        if i == 2:
                            break
                        out.append(i)
                        llm.eval([i])
                        nd += 1
                    td += time.time() - t
                    got = llm.detokenize(out).decode("utf-8", "replace").strip()
                    n += 1
                    ok += got == want
                    if a.show and n <= a.show:
                        print(N, repr(q[17:60]), "want", want, "got", got)
            row[N] = round(ok / n, 4)
            res["mean_prompt_tokens"][N] = round(sum(lens) / len(lens))
        if a.skills and (k, v) in [("f16", "f16"), ("q4_0", "q4_0")]:
            res.setdefault("skills", {})[f"{k}/{v}"] = skills(llm)
        del llm
        ppl = None
        if not a.no_ppl:
            llm = Llama(**{**kw, "n_ctx": 1024}, type_k=TY[k], type_v=TY[v], logits_all=True)
            nll = cnt = 0
            for s in range(0, len(pt) - 1024 + 1, 1024):
                ch = pt[s : s + 1024]
                llm.reset()
                llm._ctx.kv_cache_clear()
                llm.eval(ch)
                lg = np.array(llm.scores[:1023], dtype=np.float64)
                lse = np.log(np.exp(lg - lg.max(1, keepdims=True)).sum(1)) + lg.max(1)
                nll += (lse - lg[np.arange(1023), ch[1:]]).sum()
                cnt += 1023
            ppl = round(math.exp(nll / cnt), 4)
            del llm
        res["pairs"][f"{k}/{v}"] = dict(
            recall=row,
            ppl=ppl,
            prefill_tok_s=round(npf / tpf),
            decode_tok_s=round(nd / max(td, 1e-9)),
            seconds=round(time.time() - t0, 1),
        )
        print(f"{k}/{v}", json.dumps(res["pairs"][f"{k}/{v}"]), flush=True)
        if a.out:
            json.dump(res, open(a.out, "w"), indent=1)


main()
