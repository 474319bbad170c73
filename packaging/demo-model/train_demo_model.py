#!/usr/bin/env python3
"""KV Desk demo model: corpus generator -> tokenizer -> training -> GGUF, in one file.

A ~5M parameter chat model trained from scratch on synthetic text that this file writes itself
(nothing is downloaded). It greets, answers a small FAQ about KV caches, repeats, counts, lists, tells
templated stories and, above all, recalls facts told earlier in the conversation, so that a KV cache
that has been quantised too far shows up as wrong answers.

    python train_demo_model.py --out out --minutes 42          # all stages (time-based schedule)
    python train_demo_model.py --out out --steps 3000          # step-based schedule (repeatable)
    python train_demo_model.py --out out --stage export        # only checkpoint -> GGUF
    python train_demo_model.py --out out --device cuda --steps 20000 --batch-tokens 65536

Stages: tokenizer, train, export, sample, all. Training resumes from <out>/ckpt.pt when it exists.
Needs torch, tokenizers, numpy, gguf. Licence: CC0-1.0.
"""

import argparse, json, math, os, random, re, sys, time
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# ----------------------------------------------------------------------------------------------
# 1. Corpus generator
# ----------------------------------------------------------------------------------------------
COLORS = "red blue green yellow black white orange purple brown pink grey silver golden".split()
ADJ = (
    COLORS
    + "small big old new round wooden heavy tiny broken shiny dusty tall narrow empty quiet cold warm plain".split()
)
OBJ = (
    "box door key book lamp chair table bottle bag clock drawer cup coat hat boat car bike phone camera "
    "basket mirror window radio printer server router safe locker cabinet bell drum kite ladder pencil rug "
    "shelf stove tent train truck vase wallet watch wheel"
).split()
NAMES = (
    "Anna Ben Clara David Emma Frank Grace Henry Iris Jack Kate Leo Maria Nina Oscar Paul Rosa Sam Tina Victor "
    "Wendy Alan Bella Carl Diana Eric Fiona George Helen Ivan Julia Kevin Laura Martin Nora Oliver Peter Quinn "
    "Robert Sara Thomas Ursula Walter Yara Zoe Adam Alice Mark Ruth Simon"
).split()
CITY = (
    "Paris London Rome Berlin Madrid Vienna Oslo Lisbon Dublin Athens Prague Warsaw Tokyo Cairo Lima Boston "
    "Toronto Sydney Geneva Milan Hamburg Helsinki Porto Bergen Zagreb Denver Quito Havana Kyoto Delhi"
).split()
ANIMAL = (
    "cat dog horse rabbit fox owl bear wolf mouse duck goose sheep goat frog turtle parrot lion tiger zebra "
    "otter badger crow swan beaver"
).split()
FRUIT = (
    "apple pear plum cherry grape lemon melon peach mango banana fig kiwi orange apricot lime papaya".split()
)
FOOD = "bread cheese rice soup salad pasta cake honey butter beans pancakes noodles pizza curry stew toast".split()
DRINK = "tea coffee milk water juice cocoa lemonade cider".split()
SPORT = "tennis chess football swimming running rowing skating climbing hockey golf cycling fencing".split()
ROOM = (
    "kitchen garden garage attic cellar office library bedroom hall bathroom workshop studio barn stable pantry"
).split()
JOB = "baker doctor teacher painter farmer pilot writer singer nurse driver gardener sailor tailor cook clerk judge".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
INSTR = "piano violin flute guitar trumpet cello harp drum organ banjo".split()
WEATHER = "sunny rainy windy cloudy foggy snowy stormy mild".split()
PLANET = "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split()
SECRET = (
    "anchor breeze candle dragon ember falcon glacier harbor island jungle lantern marble needle ocean pepper "
    "quartz ribbon saddle thunder velvet willow amber beacon cobalt desert engine forest hammer ivory meadow "
    "nectar orchid pebble raven shadow timber violet walnut zephyr canyon copper feather garnet maple"
).split()
NOUN2 = (
    "river road bridge market village mountain valley field forest street square tower castle station harbor "
    "school museum hill lake beach wall roof fence gate path"
).split()
VERB_T = (
    "found lost moved opened closed painted cleaned repaired carried bought sold borrowed watched measured "
    "counted washed hid dropped lifted pushed"
).split()
ADV = "slowly quickly carefully quietly gladly often rarely suddenly always finally once again".split()
TIMES = [
    "in the morning",
    "in the evening",
    "at noon",
    "at night",
    "last week",
    "yesterday",
    "before lunch",
    "after dinner",
    "every day",
    "in the spring",
    "in the summer",
    "in the autumn",
    "in the winter",
    "on " + "Monday",
    "on Friday",
    "a year ago",
    "early in the day",
    "late in the day",
]
FILL = [
    "{N} {v} the {a} {o} {t}.",
    "{N} and {N2} walked to the {p} {t}.",
    "The {a} {o} stood near the {p}.",
    "It was a {w} day, and the {p} was {adv0}.",
    "{N} told {N2} about the {an} in the {r}.",
    "The {j} {v} a {o} and went to the {p}.",
    "There was a {a} {o} in the {r}, but nobody used it.",
    "{N} likes {f} and {d}, and {N2} likes {f2}.",
    "The {an} ran over the {p} and hid behind the {o}.",
    "Nobody knew why the {o} was {a}.",
    "{t0}, {N} {v} the {o} and put it back in the {r}.",
    "The road to {c} was long, so {N} took the {tr}.",
    "In {c}, the {j} played the {i} {t}.",
    "{N} said that the {p} was too {a2} for a {an}.",
    "They ate {f} with {f2} and drank {d}.",
    "The {j} from {c} spoke {adv} about the {p}.",
    "A {a} {an} slept under the {o} {t}.",
    "{N} wanted to play {s}, but it was too {w2}.",
    "The {p} near the {p2} is {a2} and {a3}.",
    "{N} wrote a letter to the {j} in {c}.",
    "When the bell rang, {N} {adv} {v} the {o}.",
    "The {o} and the {o2} were both {a}.",
    "{N} has lived near the {p} for many years.",
    "We saw a {an} and a {an2} by the {p}.",
    "The {w} weather stayed until {m}.",
    "Every {dy}, the {j} opens the {o} and looks at the {p}.",
    "The old {j} never forgot the {p} in {c}.",
    "{N} thinks that {s} is more fun than {s2}.",
    "Some people prefer {d} to {d2}.",
    "The lesson about the {i} begins {t}.",
    "The price of {f} went up in {m}, and the price of {f2} went down.",
    "The window of the {r} looks out on the {p}.",
]
GEN = (
    "able about above across add after again air all almost along also amount and animal answer any appear area arm ask baby back ball "
    "band bank base bath be bear beat because become before begin behind believe best better between bird bit blood blow board body bone born both "
    "bottom branch break bright bring brother build burn business busy call came can card care case catch cause cell cent center chance change "
    "check chief child choose circle class clear close cloud coast collect come common complete contain control cool copy corn correct cost could "
    "country course cover create cross crowd cut dad dance danger dark daughter day dead deal dear decide deep depend describe design develop die "
    "different direct discuss distance divide double down draw dream dress drive drop dry during each ear early earth ease east edge effect egg "
    "eight either else energy enough enter equal even event ever exact example excite exercise expect experience eye face fact fair fall family "
    "famous fast father favor fear feed feel feet few fight figure file final find fine finger finish fire first fish fit five flat floor flow "
    "flower fly follow foot force form forward four free fresh friend from front fruit full fun game gas gather general gentle get girl give glad "
    "glass gold good govern grand grass great ground group grow guess hair half hand happen happy hard hat heart heat help high history hit hold "
    "hole home hope hot hour house huge human hundred hurry idea imagine inch include industry insect instant interest invent iron job join joy "
    "keep kill kind king know land language large late laugh law lead learn leave left leg length less letter level lie life lift light like line "
    "liquid listen live log long look loud love low machine magnet main make man many mark mass master material may mean meat meet men method "
    "middle might million mind mine minute miss modern molecule moment money moon more most mother motion mount mouth move much music must nation "
    "natural nature need neighbor never new next noise north nose note nothing notice now number object observe offer office oil only open operate "
    "opposite order other our over own page paint paper parent part party pass past pattern pay people period person phrase pick picture piece "
    "plan plant play please point poor port position possible post pound power practice prepare present press pretty print problem process produce "
    "product proper protect prove provide pull push put question race raise rain ran range reach read ready real reason receive record region "
    "remember repeat reply represent require rest result rich ride right ring rise rock roll room root rope rose rule run safe sail salt same sand "
    "save say scale science score sea search season seat second section see seed seem select self sell send sense separate serve set seven shape "
    "share sharp sheet shell shine ship shoe shop shore should shoulder shout show side sight sign silent silver similar simple since sing sister "
    "sit size skill skin sky sleep slip slow smell smile soft soil soldier solution solve some son song soon sound south space speak special speech "
    "speed spell spend spot spread stand star start state stay steam steel step stick still stone stop store straight strange stream stretch "
    "string strong student study subject success such sudden sugar suggest suit support sure surface surprise swim syllable symbol system tail take "
    "talk tall teach team tell ten term test thank their them then there they thick thin thing think third this thought thousand throw tie time "
    "together told tone tool top total touch track trade travel tree triangle trip trouble true try turn twenty type under unit until usual valley "
    "value vary very view visit voice wait want war warm wash water wave way wear weather week weight well west wheel when where which while who "
    "whole whose why wide wife wild will win wing winter wire wish with woman wonder wood word work world would write wrong year yes yet young"
).split()


def pseudo(r):
    """a word nobody has seen: copying it needs the context, letter by letter"""
    return "".join(
        r.choice("b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kn pl sh st th tr".split())
        + r.choice("a e i o u ai ee oa ou y".split())
        + r.choice(["", "", "", "n", "r", "s", "x", "l", "ck", "mp", "t"])
        for _ in range(r.choice([1, 2, 2, 3]))
    )


PIECES = []  # texts of all vocabulary entries, set by train(): copying must work for every token


def free_words(r, n):
    if PIECES and r.random() < 0.45:
        s = re.sub(
            r"\s+",
            " ",
            "".join(
                r.choice(PIECES) if r.random() < 0.8 else " " + r.choice(GEN) for _ in range(int(n * 1.6) + 1)
            ),
        ).strip()
        if s:
            return s
    share = r.choice([0, 0.1, 0.3, 1])
    ws = [
        pseudo(r)
        if r.random() < share
        else r.choice(GEN)
        if r.random() < 0.9
        else r.choice(["a", "the", "is", "was", "of", "to", "in", "and", "it", "my"])
        for _ in range(n)
    ]
    ws = [
        w
        if r.random() < 0.9
        else r.choice([w.capitalize(), w + "s", w + "ed", w + "ing", w + ",", w.upper(), digits(r, 1, 4)])
        for w in ws
    ]
    s = " ".join(ws)
    return (s[0].upper() + s[1:] if r.random() < 0.7 else s) + r.choice([".", ".", "", "!", "?"])


SLOT = re.compile(r"\{(\w+)\}")
SLOTS = dict(
    N=NAMES,
    N2=NAMES,
    v=VERB_T,
    a=ADJ,
    a2=ADJ,
    a3=ADJ,
    o=OBJ,
    o2=OBJ,
    t=TIMES,
    p=NOUN2,
    p2=NOUN2,
    w=WEATHER,
    w2=WEATHER,
    an=ANIMAL,
    an2=ANIMAL,
    r=ROOM,
    j=JOB,
    f=FOOD + [x + "s" for x in FRUIT[:4]],
    f2=FOOD,
    d=DRINK,
    d2=DRINK,
    c=CITY,
    i=INSTR,
    s=SPORT,
    s2=SPORT,
    m=MONTHS,
    dy=DAYS,
    adv=ADV,
    adv0=["quiet", "empty", "full", "loud", "cold", "calm"],
    t0=[x[0].upper() + x[1:] for x in TIMES],
    tr=["train", "bus", "boat", "car", "bike"],
)


def an(s):
    return re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", s)


def fill(tpl, r):
    return an(SLOT.sub(lambda m: r.choice(SLOTS[m.group(1)]), tpl))


def sentence(r):
    return fill(r.choice(FILL), r)


# FAQ: (answer, questions). Answers are fixed texts that a few million parameters can hold.
FAQ = [
    (
        "Hello! I am the KV Desk demo model. How can I help you?",
        [
            "Hello",
            "Hi",
            "Hello!",
            "Hi there",
            "Hey",
            "Good morning",
            "Good evening",
            "Hi!",
            "Hello there",
            "Good afternoon",
            "Hey there!",
        ],
    ),
    (
        "I am the KV Desk demo model: a few million parameters, made to try the app, not to know the world.",
        [
            "Who are you?",
            "What are you?",
            "What is your name?",
            "Introduce yourself.",
            "Tell me about yourself.",
            "Which model are you?",
            "Are you an AI?",
            "What model is this?",
        ],
    ),
    (
        "I can remember facts you tell me, repeat sentences, count, make short lists, tell small stories and answer a few questions about the KV cache.",
        [
            "What can you do?",
            "How can you help me?",
            "What are you good at?",
            "Help",
            "What can I ask you?",
            "What should I try?",
            "Give me some ideas to try.",
        ],
    ),
    (
        "I was trained from scratch on synthetic text written for KV Desk. I have read no books and no web pages.",
        [
            "How were you trained?",
            "What were you trained on?",
            "Where does your knowledge come from?",
            "Who trained you?",
            "What is your training data?",
        ],
    ),
    (
        "I am fine, thank you. I am only a small model, but I am ready to try things.",
        ["How are you?", "How are you doing?", "How are you today?", "Are you okay?"],
    ),
    (
        "You are welcome!",
        ["Thanks", "Thank you", "Thank you!", "Thanks a lot", "Thank you very much.", "Great, thanks!"],
    ),
    (
        "Goodbye! Load a bigger model whenever you like.",
        ["Bye", "Goodbye", "Goodbye!", "See you later", "See you", "Bye bye"],
    ),
    (
        "The KV cache stores the keys and values of all earlier tokens, so that the model does not have to compute them again for every new token.",
        [
            "What is the KV cache?",
            "What is a KV cache?",
            "Explain the KV cache.",
            "What does the KV cache do?",
            "What does KV cache mean?",
            "Tell me about the KV cache.",
            "What is the KV cache good for?",
            "What is a KV cache good for?",
            "Why do we need a KV cache?",
            "Explain what a KV cache is.",
            "explain what a kv cache is good for",
        ],
    ),
    (
        "KV stands for key and value, the two vectors that attention keeps for every token.",
        [
            "What does KV stand for?",
            "What does KV mean?",
            "What is a key and a value?",
            "What are keys and values?",
        ],
    ),
    (
        "The common cache types are f16, q8_0, q5_1, q5_0, q4_1, q4_0 and iq4_nl. Fewer bits need less memory but lose some quality.",
        [
            "Which cache types are there?",
            "What cache types can I use?",
            "List the cache types.",
            "Which KV cache types exist?",
            "What are the cache types?",
        ],
    ),
    (
        "Start with f16 if it fits. If memory is short, q8_0 is nearly as good and needs about half the memory.",
        [
            "Which cache type should I use?",
            "Which cache type is best?",
            "What is the best cache type?",
            "Which KV type do you recommend?",
            "What should I choose for the cache?",
        ],
    ),
    (
        "f16 stores every cache value in 16 bits. It is the default and the reference for quality.",
        [
            "What is f16?",
            "What does f16 mean?",
            "Tell me about f16.",
            "Explain f16.",
            "What is the f16 cache?",
        ],
    ),
    (
        "q8_0 stores cache values in blocks of 32 with 8.5 bits per value. The loss in quality is very small.",
        [
            "What is q8_0?",
            "What does q8_0 mean?",
            "Tell me about q8_0.",
            "Explain q8_0.",
            "Is q8_0 good?",
            "What is the q8_0 cache?",
        ],
    ),
    (
        "q4_0 stores cache values in blocks of 32 with 4.5 bits per value. It saves the most memory, but recall can suffer.",
        [
            "What is q4_0?",
            "What does q4_0 mean?",
            "Tell me about q4_0.",
            "Explain q4_0.",
            "Is q4_0 good?",
            "What is the q4_0 cache?",
        ],
    ),
    (
        "q5_0 needs 5.5 bits and q5_1 needs 6 bits per value. They lie between q4_0 and q8_0.",
        [
            "What is q5_0?",
            "What is q5_1?",
            "What does q5_0 mean?",
            "What does q5_1 mean?",
            "Tell me about q5_1.",
            "Explain q5_0.",
        ],
    ),
    (
        "iq4_nl uses 4.5 bits per value with a non-linear table of 16 levels.",
        ["What is iq4_nl?", "What does iq4_nl mean?", "Tell me about iq4_nl.", "Explain iq4_nl."],
    ),
    (
        "Keys usually need more precision than values. If you mix types, give the keys the better one, such as q8_0 for keys and q4_0 for values.",
        [
            "Should keys and values have the same type?",
            "Can I mix cache types?",
            "Are keys more sensitive than values?",
            "Which needs more precision, keys or values?",
            "Can K and V have different types?",
        ],
    ),
    (
        "The context size is the number of tokens that the model can see at once. The KV cache grows in step with it.",
        [
            "What is the context size?",
            "What is context size?",
            "What does context size mean?",
            "Explain the context size.",
            "What is the context length?",
            "What is n_ctx?",
        ],
    ),
    (
        "Use a smaller context size, a smaller cache type, or put fewer layers on the GPU.",
        [
            "I run out of memory. What can I do?",
            "How do I save memory?",
            "How can I save VRAM?",
            "What can I do when VRAM is full?",
            "I have too little VRAM.",
            "How can I reduce memory use?",
        ],
    ),
    (
        "VRAM is the memory of the graphics card. It holds the model weights, the KV cache and the compute buffers.",
        ["What is VRAM?", "What uses VRAM?", "What does VRAM mean?", "What is in VRAM?", "Explain VRAM."],
    ),
    (
        "Multiply layers, context size, KV heads, head size and bytes per value, once for the keys and once for the values.",
        [
            "How big is the KV cache?",
            "How do I compute the size of the KV cache?",
            "How much memory does the KV cache need?",
            "What is the formula for the KV cache size?",
        ],
    ),
    (
        "Flash attention computes attention in small tiles, which saves memory. A quantised V cache needs it to be on.",
        [
            "What is flash attention?",
            "Do I need flash attention?",
            "Explain flash attention.",
            "Why do I need flash attention?",
            "What does flash attention do?",
        ],
    ),
    (
        "Use --cache-type-k and --cache-type-v, or -ctk and -ctv for short.",
        [
            "Which flag sets the cache type?",
            "How do I set the cache type?",
            "What is the flag for the cache type?",
            "Which launch flags set the cache types?",
            "How do I change the KV type in llama.cpp?",
        ],
    ),
    (
        "Use -c or --ctx-size with the number of tokens.",
        [
            "Which flag sets the context size?",
            "How do I set the context size?",
            "What is the flag for the context size?",
            "How do I change the context size?",
        ],
    ),
    (
        "Use -ngl or --n-gpu-layers with the number of layers to put on the GPU.",
        [
            "Which flag sets the GPU layers?",
            "How do I put layers on the GPU?",
            "What does -ngl do?",
            "What is the flag for GPU layers?",
            "What is -ngl?",
        ],
    ),
    (
        "Use -fa on to turn flash attention on.",
        [
            "Which flag turns on flash attention?",
            "How do I turn on flash attention?",
            "What is the flag for flash attention?",
            "What does -fa do?",
        ],
    ),
    (
        "Prefill reads the whole prompt in large batches. Decode then writes one token after another.",
        [
            "What is prefill?",
            "What is the difference between prefill and decode?",
            "What is decode?",
            "What does prefill mean?",
            "Explain prefill and decode.",
        ],
    ),
    (
        "A token is a short piece of text, often a word or a part of a word. I use 2048 different tokens.",
        [
            "What is a token?",
            "What are tokens?",
            "What does token mean?",
            "Explain tokens.",
            "How large is your vocabulary?",
        ],
    ),
    (
        "GGUF is the file format of llama.cpp. One file holds the weights, the tokenizer and the settings.",
        [
            "What is GGUF?",
            "What is a GGUF file?",
            "What does GGUF mean?",
            "Explain GGUF.",
            "Which file format do you use?",
        ],
    ),
    (
        "KV Desk is a desktop app that runs GGUF models, lets you choose the cache types and shows memory and speed while they run.",
        [
            "What is KV Desk?",
            "Tell me about KV Desk.",
            "What does KV Desk do?",
            "What is this app?",
            "Explain KV Desk.",
        ],
    ),
    (
        "I am only a tiny demo model, so I do not know that. Please load a bigger model for real questions.",
        [
            "What is the capital of France?",
            "Who wrote Hamlet?",
            "Explain quantum physics.",
            "What is the weather today?",
            "Who is the president?",
            "Write a program in Python.",
            "Translate this into German.",
            "What is the meaning of life?",
            "How do I cook rice?",
            "Who won the game?",
            "What is the tallest mountain?",
            "How far away is the moon?",
            "What is 12 times 7?",
            "Solve this equation.",
            "When was Rome founded?",
            "Give me advice about money.",
            "Which movie should I watch?",
            "What happened in history?",
            "How do planes fly?",
            "Why is the sky blue?",
            "Write me an email.",
            "Tell me the news.",
            "What do you think about politics?",
            "Can you write code?",
            "How old is the universe?",
        ],
    ),
]
MINE = "dog cat horse parrot boat sister brother friend teacher neighbor cousin uncle aunt daughter son team rabbit doctor boss village".split()
ACKS = ["Noted.", "Okay.", "I will remember that.", "Got it."]
FILL_ACK = ["I see.", "Thank you for telling me.", "Okay, I read it."]
SYS = [
    "You are a helpful assistant.",
    "You are the KV Desk demo model.",
    "Answer in short sentences.",
    "You are a small and friendly chat model.",
]
NUMW = "zero one two three four five six seven eight nine ten".split()
W_LOW, W_MID, W_ANS = 0.15, 1.0, 3.0  # loss weights: user text, assistant text, recalled values
RND = 0.0  # random, unpredictable values: no loss


class Conv:
    """A conversation as text plus one loss weight per character."""

    def __init__(self):
        self.t, self.w, self.est = [], [], 0.0

    def add(self, s, w):
        if s:
            self.t.append(s)
            self.w.append((len(s), w))
            self.est += (
                s.count(" ") * 1.18
                + sum(c.isdigit() for c in s)
                + s.count(".")
                + s.count(",")
                + s.count("?")
                + s.count("\n")
                + s.count("<|") * 0.9
            )

    def turn(self, role, parts):
        self.add(f"<|im_start|>{role}\n", W_LOW if role != "assistant" else 0.05)
        for s, w in parts:
            self.add(s, w)
        self.add("<|im_end|>", W_MID if role == "assistant" else W_LOW)
        self.add("\n", 0.05)

    def user(self, *parts):
        self.turn("user", [(p, W_LOW) if isinstance(p, str) else p for p in parts])

    def bot(self, *parts):
        self.turn("assistant", [(p, W_MID) if isinstance(p, str) else p for p in parts])


def digits(r, lo=3, hi=6):
    return "".join(r.choice("0123456789") for _ in range(r.randint(lo, hi)))


def new_fact(r, used, kind=None):
    """-> (statement parts, questions, value, key). Values are random, so only the context can give them back."""
    for _ in range(50):
        k = kind or r.choices("ABCDEFGHIJ", [40, 10, 8, 4, 8, 8, 14, 8, 8, 4])[0]
        if k == "A":
            a, o = r.choice(ADJ), r.choice(OBJ)
            attr = r.choice(["code", "code", "code", "number", "pin"])
            key, v = f"the {attr} for the {a} {o}", digits(r, 4, 6) if r.random() < 0.4 else digits(r, 5, 5)
            st = [(key[0].upper() + key[1:] + " is", W_LOW), (" " + v, RND), (".", W_LOW)]
        elif k == "B":
            n = r.choice(NAMES)
            cat, pool = r.choice(
                [
                    ("fruit", FRUIT),
                    ("animal", ANIMAL),
                    ("color", COLORS),
                    ("city", CITY),
                    ("sport", SPORT),
                    ("food", FOOD),
                    ("drink", DRINK),
                ]
            )
            key, v = f"{n}'s favorite {cat}", r.choice(pool)
            st = [(key + " is", W_LOW), (" " + v, 0.05), (".", W_LOW)]
        elif k == "C":
            n = r.choice(NAMES)
            key, v = f"C{n}", r.choice(CITY)
            if key in used:
                continue
            st = [(f"{n} lives in", W_LOW), (" " + v, 0.05), (".", W_LOW)]
            used.add(key)
            return st, [f"Where does {n} live?", f"In which city does {n} live?"], v, key
        elif k == "D":
            key, v = "my name", r.choice(NAMES)
            if key in used:
                continue
            used.add(key)
            return (
                [("My name is", W_LOW), (" " + v, 0.05), (".", W_LOW)],
                ["What is my name?", "Do you remember my name?", "Who am I?"],
                v,
                key,
            )
        elif k == "E":
            n = r.choice(NAMES)
            key, v = f"E{n}", f"{r.choice(DAYS)} at {r.randint(1, 12)}"
            if key in used:
                continue
            used.add(key)
            return (
                [(f"The meeting with {n} is on", W_LOW), (" " + v, 0.05), (".", W_LOW)],
                [f"When is the meeting with {n}?", f"When do I meet {n}?"],
                v,
                key,
            )
        elif k == "F":
            a, o = r.choice(ADJ), r.choice(OBJ)
            key, v = f"F{a}{o}", r.choice(ROOM)
            if key in used:
                continue
            used.add(key)
            return (
                [(f"I put the {a} {o} in the", W_LOW), (" " + v, 0.05), (".", W_LOW)],
                [f"Where is the {a} {o}?", f"Where did I put the {a} {o}?"],
                v,
                key,
            )
        elif k in "IJ":
            w = r.choice(MINE)
            key = k + w
            if key in used:
                continue
            used.add(key)
            if k == "J":
                v = str(r.randint(2, 90))
                return (
                    [(f"My {w} is", W_LOW), (" " + v, RND), (" years old.", W_LOW)],
                    [f"How old is my {w}?"],
                    v,
                    key,
                )
            v = pseudo(r).capitalize() if r.random() < 0.7 else r.choice(NAMES)
            return (
                [(f"My {w} is called", W_LOW), (" " + v, 0.05), (".", W_LOW)],
                [f"What is my {w} called?", f"What is the name of my {w}?"],
                v,
                key,
            )
        elif k == "G":
            n = r.choice(NAMES)
            attr = r.choice(["phone number", "locker number", "pin"])
            key, v = f"{n}'s {attr}", digits(r, 4, 6)
            st = [(key + " is", W_LOW), (" " + v, RND), (".", W_LOW)]
        else:
            p = r.choice(["the secret word for " + r.choice(NAMES), "the password of the " + r.choice(OBJ)])
            key, v = p, r.choice(SECRET)
            st = [(key[0].upper() + key[1:] + " is", W_LOW), (" " + v, 0.05), (".", W_LOW)]
        if key in used:
            continue
        used.add(key)
        q = [
            f"What is {key}?",
            f"What is {key}?",
            f"Tell me {key}.",
            f"What was {key}?",
            f"Do you remember {key}?",
        ]
        return st, q, v, key
    return new_fact(r, used, "A")


def ask(c, r, f):
    st, q, v, key = f
    pre = r.choice(["", "", "", "Now: ", "One question. ", "Please answer: "])
    c.user(pre + r.choice(q))
    if key[0] == "J" and st[-1][0] == " years old.":
        c.bot(f"Your {key[1:]} is", (" " + v, W_ANS), " years old.")
        return
    if v[0].isdigit():
        c.bot((v, W_ANS), (".", W_ANS))
        return
    lead = (
        f"Your {key[1:]} is called"
        if st[0][0].endswith("is called")
        else "Your name is"
        if key == "my name"
        else f"{key[1:]} lives in"
        if st[0][0].endswith("lives in")
        else "It is on"
        if key[0] == "E" and " at " in v
        else "It is in the"
        if st[0][0].startswith("I put")
        else "It is"
    )
    c.bot(lead, (" " + v, W_ANS), (".", W_ANS))


def tell(c, r, facts):
    pre = r.choice(["", "", "Please remember this. ", "Remember: ", "Note this. ", "Here are some facts. "])
    parts = [(pre, W_LOW)]
    for i, f in enumerate(facts):
        if i:
            parts.append((" ", W_LOW))
        parts += f[0]
    c.user(*parts)
    c.bot(r.choice(ACKS))


def t_faq(c, r):
    a, qs = r.choice(FAQ)
    q = r.choice(qs)
    x = r.random()
    if x < 0.1:
        q = q.lower()
    elif x < 0.2:
        q = q.rstrip("?.!")
    elif x < 0.32:
        q = r.choice(
            [
                "Please tell me: ",
                "Can you tell me: ",
                "I want to know: ",
                "Please explain: ",
                "I have a question. ",
                "please, ",
            ]
        ) + (q if r.random() < 0.5 else q[0].lower() + q[1:])
    c.user(q)
    c.bot(a)


def rand_words(r, n):
    pools = [ADJ, OBJ, NAMES, CITY, ANIMAL, FRUIT, FOOD, SECRET, NOUN2, VERB_T, ROOM]
    return " ".join(r.choice(r.choice(pools)) if r.random() < 0.88 else digits(r, 1, 4) for _ in range(n))


def t_copy(c, r, n=None):
    z = r.random()
    s = (
        free_words(r, n or r.randint(2, 14))
        if z < 0.55
        else rand_words(r, n or r.randint(3, 16))
        if z < 0.8
        else " ".join(sentence(r) for _ in range(r.choice([1, 1, 2])))
    )
    if r.random() < 0.06:
        s += r.choice([" café", " Zürich", " naïve", " → ok", " 😀", " 你好", " señor", " 50 €"])
    p = r.choice(
        ["Repeat after me: ", "Repeat: ", "Say exactly: ", "Copy this: ", "Please repeat this sentence: "]
    )
    c.user((p, W_LOW), (s, 0.02))
    c.bot((s, 1.5))


def t_count(c, r):
    a = r.randint(0, 30) if r.random() < 0.4 else 1
    n = r.randint(3, 14)
    if r.random() < 0.06:
        a, n = 1, r.choice([49, 99])
    b = a + n
    if r.random() < 0.25 and n < 20:
        c.user(r.choice([f"Count down from {b} to {a}.", f"Count backwards from {b} to {a}."]))
        c.bot(", ".join(map(str, range(b, a - 1, -1))) + ".")
    else:
        q = [f"Count from {a} to {b}.", f"Please count from {a} to {b}."] + (
            [f"Count to {b}."] if a == 1 else []
        )
        c.user(r.choice(q))
        c.bot(", ".join(map(str, range(a, b + 1))) + ".")


LISTS = [
    ("colors", COLORS),
    ("animals", ANIMAL),
    ("fruits", [f + "s" if f[-1] != "y" else f[:-1] + "ies" for f in FRUIT]),
    ("cities", CITY),
    ("names", NAMES),
    ("sports", SPORT),
    ("rooms", ROOM),
    ("jobs", JOB),
    ("drinks", DRINK),
    ("foods", FOOD),
]


def t_list(c, r):
    if r.random() < 0.25:
        nm, xs = r.choice([("days of the week", DAYS), ("months of the year", MONTHS), ("planets", PLANET)])
        c.user(r.choice([f"List the {nm}.", f"What are the {nm}?", f"Name the {nm}."]))
        c.bot(", ".join(xs) + ".")
        return
    nm, xs = r.choice(LISTS)
    n = r.randint(2, 6)
    num = r.choice([str(n), NUMW[n]])
    c.user(r.choice([f"Name {num} {nm}.", f"List {num} {nm}.", f"Give me {num} {nm}."]))
    c.bot((", ".join(r.sample(xs, n)) + ".", 0.4))


STORY = [
    "{n} put the {o} into a bag and walked to the {p}.",
    "On the way, {n} met a {an} that was looking for the {p2}.",
    "The {an} said that it was lost and very hungry.",
    "{n} gave the {an} some {f} and a little {d}.",
    "Together they crossed the {p} and came to the {p2}.",
    "It began to get dark, and the wind was cold.",
    "{n} opened the {o}, and a warm light came out of it.",
    "The {an} was so glad that it danced around the {o}.",
    "They rested for a while and drank some {d}.",
    "Then an old {j} came along and asked about the {o}.",
    "{n} told the {j} the whole story.",
    "The {j} smiled and showed them a short way home.",
    "The {an} ran ahead and {n} followed.",
    "Soon they could see the lights of {c}.",
    "{n} held the {o} tightly and did not look back.",
    "The {an} told {n} a secret about the {p}.",
    "They shared the last of the {f} and laughed.",
    "Nobody in {c} had ever seen such a {a} {o}.",
]


def t_story(c, r, n=None):
    n = n or r.choice([2, 3, 4, 5, 6, 8, 10, r.choice([7, 9, 12, 15, 20])])
    s = {
        k: r.choice(v)
        for k, v in dict(
            n=NAMES, a=ADJ, o=OBJ, p=NOUN2, p2=NOUN2, an=ANIMAL, f=FOOD, d=DRINK, j=JOB, c=CITY
        ).items()
    }
    topic = r.random()
    ask_n = str(n) if r.random() < 0.7 or n > 10 else NUMW[n]
    if topic < 0.5:
        q = r.choice(
            [
                f"Tell me a story in {ask_n} sentences.",
                f"Write a story with {ask_n} sentences.",
                f"Tell a short story of {ask_n} sentences.",
            ]
        )
    elif topic < 0.8:
        q = r.choice(
            [
                f"Tell me a story about {s['n']} and a {s['an']} in {ask_n} sentences.",
                f"Write a story about {s['n']} and a {s['an']} with {ask_n} sentences.",
            ]
        )
    else:
        n = r.choice([5, 6, 8])
        q = r.choice(
            [
                "Tell me a story.",
                "Tell me a short story.",
                "Write a story.",
                f"Tell me a story about a {s['an']}.",
            ]
        )
    mid = r.sample(STORY, min(max(n - 2, 0), len(STORY)))
    first = "Once upon a time, {n} lived in {c} and owned a {a} {o}."
    last = "In the end, {n} and the {an} came home and became friends for life."
    c.user(an(q))
    c.bot((an(" ".join([first] + mid + [last]).format(**s)), 0.5))


def t_filler(c, r, ntok):
    """The user pastes text that carries no facts worth keeping (many tokens between fact and question)."""
    c.add("<|im_start|>user\n", W_LOW)
    c.add(r.choice(["Here is some text. ", "Please read this. ", "", "Some notes: "]), W_LOW)
    end = c.est + ntok
    first = True
    while c.est < end:
        c.add(("" if first else (" " if r.random() < 0.9 else "\n")) + sentence(r), 0.1)
        first = False
    c.add("<|im_end|>", W_LOW)
    c.add("\n", 0.05)
    c.bot(r.choice(FILL_ACK))


def conversation(r, L, dense=0.0, kinds=None):
    """One conversation of about L tokens. dense: chance of the short-distance recall curriculum."""
    c = Conv()
    used = set()
    x = r.random()
    if r.random() < 0.15:
        c.turn("system", [(r.choice(SYS), W_LOW)])
    if x < dense:  # rounds of: n facts, n questions
        while c.est < L:
            n = r.choice([1, 2, 3, 4, 5, 6, 8])
            fs = [new_fact(r, used, kinds and r.choice(kinds)) for _ in range(n)]
            while fs and n:
                k = r.randint(1, len(fs))
                tell(c, r, fs[:k])
                rest = fs[k:]
                qs = fs[:k]
                r.shuffle(qs)
                for f in qs:
                    if r.random() < 0.04:
                        t_faq(c, r)
                    ask(c, r, f)
                fs = rest
            if r.random() < 0.25:
                t_copy(c, r)
        return c
    if x < dense + (1 - dense) * 0.34:  # everything mixed, no plan
        told = []
        fns = [t_faq, t_faq, t_copy, t_count, t_list, t_story]
        while c.est < L:
            y = r.random()
            if y < 0.16:
                fs = [new_fact(r, used) for _ in range(r.randint(1, 3))]
                told += fs
                tell(c, r, fs)
            elif y < 0.48 and told:
                ask(c, r, r.choice(told))
            elif y < 0.51:
                st, q, v, key = new_fact(r, used, "A")
                c.user(r.choice(q))
                c.bot("You have not told me that.")
            else:
                r.choice(fns)(c, r)
        return c
    # haystack: facts spread over filler, then questions about all of them
    nf = min(
        r.choice([1, 2, 3, 4, 6, 8, 10, 12, 16] if L < 1000 else [2, 4, 8, 12, 16, 24, 32, 40]),
        max(1, L // 56),
    )
    qtok = nf * 25
    fs = [new_fact(r, used) for _ in range(nf)]
    body = max(0, L - qtok - nf * 14 - 30)
    cuts = sorted(r.random() for _ in range(nf)) if r.random() < 0.6 else [r.random() * 0.15] * nf
    done = 0
    i = 0
    groups = []
    while i < nf:
        k = min(nf - i, r.choice([1, 1, 2, 3]) if cuts[0] != cuts[-1] else nf)
        groups.append((cuts[i], fs[i : i + k]))
        i += k
    pos = 0.0
    chatty = r.random() < 0.35

    def pad(n):
        end = c.est + n
        while c.est < end - 8:
            left = end - c.est
            if chatty and r.random() < 0.5:
                r.choice([t_faq, t_count, t_list, t_copy])(c, r)
            else:
                t_filler(c, r, min(left - 8, r.choice([25, 60, 120, 200])) if left > 30 else 12)

    for cut, g in groups:
        pad((cut - pos) * body)
        pos = cut
        if r.random() < 0.4:  # fact inside a paragraph
            parts = [(sentence(r) + " ", 0.1)]
            for f in g:
                parts += f[0] + [(" " + sentence(r) + " ", 0.1)]
            c.user(*parts[:-1], (parts[-1][0].rstrip(), 0.1))
            c.bot(r.choice(ACKS))
        else:
            tell(c, r, g)
    pad((1 - pos) * body)
    r.shuffle(fs)
    for f in fs:
        ask(c, r, f)
    while c.est < L:
        if r.random() < 0.5:
            ask(c, r, r.choice(fs))
        else:
            t_faq(c, r)
    return c


def short_chat(r, L, copies=0.0):
    """Several first-turn tasks, the way a person starts to try the app."""
    c = Conv()
    if r.random() < copies:
        while c.est < L:
            (t_copy if r.random() < 0.92 else t_faq)(c, r)
        return c
    if r.random() < 0.3:
        c.turn("system", [(r.choice(SYS), W_LOW)])
    while c.est < L:
        r.choices([t_faq, t_copy, t_count, t_list, t_story], [4, 4, 1, 1, 1.5])[0](c, r)
    return c


def text_of(c):
    return "".join(c.t)


# ----------------------------------------------------------------------------------------------
# 2. Tokenizer: byte-level BPE; no digit merges, so each digit is its own token
# ----------------------------------------------------------------------------------------------
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def build_tokenizer(path, vocab, seed):
    from tokenizers import Tokenizer, models, pre_tokenizers, decoders, trainers

    r = random.Random(seed ^ 0x5EED)
    texts = []
    for i in range(1500):
        texts.append(text_of(conversation(r, 400, 0.2)))
    for a, qs in FAQ:
        texts += [a] * 60 + qs * 12
    texts += [
        " ".join(w)
        for w in (COLORS, ADJ, OBJ, NAMES, CITY, ANIMAL, FRUIT, FOOD, SECRET, NOUN2, JOB, ROOM)
        for _ in range(80)
    ]
    texts = [re.sub(r"<\|\w+\|>", "\n", t) for t in texts]
    tok = Tokenizer(models.BPE())
    bl = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), bl]
    )  # for the merges only
    tok.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=vocab,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tok.pre_tokenizer = bl  # what llama.cpp does for tokenizer.ggml.pre = gpt-2
    tok.decoder = decoders.ByteLevel()
    tok.save(str(path))
    return tok


def load_tokenizer(path):
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(path))


# ----------------------------------------------------------------------------------------------
# 3. Model (qwen3 layout: GQA, q/k norms, NEOX rotary, SwiGLU) and training
# ----------------------------------------------------------------------------------------------
HP = dict(vocab=2048, d=256, layers=5, ff=768, heads=4, kv=2, hd=64, base=500000.0, eps=1e-6)


def make_model(hp):
    import torch, torch.nn.functional as F
    from torch import nn

    H, K, D, eps = hp["heads"], hp["kv"], hp["hd"], hp["eps"]

    def rms(x, w):
        return F.rms_norm(x, (x.size(-1),), w.to(x.dtype), eps)

    def rope(x, c, s):
        a, b = x.chunk(2, -1)
        return torch.cat([a * c - b * s, b * c + a * s], -1)

    def block(x, n1, qkv, qn, kn, o, n2, gu, dn, c, s):
        B, T, _ = x.shape
        dt = torch.bfloat16 if x.device.type == "cuda" or BF16 else torch.float32
        h = rms(x, n1).to(dt)
        z = F.linear(h, qkv.to(dt)).view(B, T, H + 2 * K, D).transpose(1, 2)
        q, k, v = z.split([H, K, K], 1)
        q, k = rope(rms(q.float(), qn), c, s).to(dt), rope(rms(k.float(), kn), c, s).to(dt)
        a = F.scaled_dot_product_attention(
            q, k.repeat_interleave(H // K, 1), v.repeat_interleave(H // K, 1), is_causal=True
        )
        x = x + F.linear(a.transpose(1, 2).reshape(B, T, H * D), o.to(dt)).float()
        h = rms(x, n2).to(dt)
        g, u = F.linear(h, gu.to(dt)).chunk(2, -1)
        return x + F.linear(F.silu(g) * u, dn.to(dt)).float()

    def head(x, nf, w, y, wt):
        dt = torch.bfloat16 if x.device.type == "cuda" or BF16 else torch.float32
        lg = F.linear(rms(x, nf).to(dt), w.to(dt)).float().flatten(0, 1)
        ce = F.cross_entropy(lg, y.flatten(), reduction="none") * wt.flatten()
        return ce, lg.argmax(-1)

    class LM(nn.Module):
        def __init__(self):
            super().__init__()
            d, ff, L, V = hp["d"], hp["ff"], hp["layers"], hp["vocab"]
            rn = lambda o, i, s=1.0: nn.Parameter((torch.rand(o, i) * 2 - 1) * s * (3 / i) ** 0.5 * 0.5)
            self.emb = nn.Parameter(torch.randn(V, d) * 0.3)
            self.out = nn.Parameter(torch.zeros(V, d))
            self.nf = nn.Parameter(torch.ones(d))
            self.qkv = nn.ParameterList([rn((H + 2 * K) * D, d) for _ in range(L)])
            self.o = nn.ParameterList([nn.Parameter(torch.zeros(d, H * D)) for _ in range(L)])
            self.gu = nn.ParameterList([rn(2 * ff, d) for _ in range(L)])
            self.dn = nn.ParameterList([nn.Parameter(torch.zeros(d, ff)) for _ in range(L)])
            one = lambda n: nn.ParameterList([nn.Parameter(torch.ones(n)) for _ in range(L)])
            self.n1, self.n2 = one(d), one(d)
            self.qn = nn.ParameterList([nn.Parameter(torch.full((D,), 1.5)) for _ in range(L)])
            self.kn = nn.ParameterList([nn.Parameter(torch.full((D,), 1.5)) for _ in range(L)])
            inv = 1.0 / hp["base"] ** (torch.arange(0, D, 2).float() / D)
            t = torch.arange(16384).float()[:, None] * inv
            self.register_buffer("cos", t.cos(), persistent=False)
            self.register_buffer("sin", t.sin(), persistent=False)
            self.block, self.head = block, head

        def forward(self, ids, y, wt):
            x = F.embedding(ids, self.emb)
            T = ids.size(1)
            c, s = self.cos[:T], self.sin[:T]
            for i in range(hp["layers"]):
                x = self.block(
                    x,
                    self.n1[i],
                    self.qkv[i],
                    self.qn[i],
                    self.kn[i],
                    self.o[i],
                    self.n2[i],
                    self.gu[i],
                    self.dn[i],
                    c,
                    s,
                )
            ce, am = self.head(x, self.nf, self.out, y, wt)
            return ce.sum() / wt.sum().clamp(min=1), am

    return LM()


BF16 = True


class Muon:
    """Muon (orthogonalised momentum) for the matrices; parts that are separate matrices in the file are orthogonalised separately."""

    def __init__(self, groups, lr=0.02, mom=0.95, wd=0.0):
        self.g, self.lr, self.mom, self.wd, self.st = groups, lr, mom, wd, {}

    @staticmethod
    def ns(G):
        import torch

        X = G.to(torch.bfloat16) if BF16 else G
        X = X / (X.float().norm(dim=(-2, -1), keepdim=True).to(X.dtype) + 1e-7)
        tr = X.size(-2) > X.size(-1)
        if tr:
            X = X.mT
        for a, b, c in [(3.4445, -4.7750, 2.0315)] * 5:
            A = X @ X.mT
            X = a * X + (b * A + c * (A @ A)) @ X
        return (X.mT if tr else X).float()

    def step(self, lr):
        import torch

        with torch.no_grad():
            for gi, (ps, split) in enumerate(self.g):
                G = torch.stack([p.grad for p in ps])
                m = self.st.setdefault(gi, torch.zeros_like(G))
                m.lerp_(G, 1 - self.mom)
                U = G.lerp(m, self.mom)
                out = []
                for part in U.split(split, 1):
                    out.append(self.ns(part) * max(1, part.size(1) / part.size(2)) ** 0.5)
                U = torch.cat(out, 1)
                for p, u in zip(ps, U):
                    p.mul_(1 - lr * self.wd)
                    p.add_(u, alpha=-lr)


def make_batch(tok, r, B, L, dense, p_short, kinds=None):
    import numpy as np, torch

    cs = [
        short_chat(r, L, 0.7 if L <= 512 else 0.3)
        if r.random() < p_short
        else conversation(r, L, dense, kinds)
        for _ in range(B)
    ]
    enc = tok.encode_batch([text_of(c) for c in cs], add_special_tokens=False)
    ids = np.zeros((B, L + 1), np.int64)
    wt = np.zeros((B, L + 1), np.float32)
    for b, (c, e) in enumerate(zip(cs, enc)):
        cw = np.repeat(np.array([w for _, w in c.w], np.float32), [n for n, _ in c.w])
        n = min(L + 1, len(e.ids))
        ids[b, :n] = e.ids[:n]
        ends = np.array([o[1] for o in e.offsets[:n]]) - 1
        wt[b, :n] = cw[ends]
    return (
        torch.from_numpy(ids[:, :-1].copy()),
        torch.from_numpy(ids[:, 1:].copy()),
        torch.from_numpy(wt[:, 1:].copy()),
    )


def span_acc(am, y, w):
    """share of recalled values with every token right (teacher forced), and their number"""
    ok = n = 0
    for row in range(y.size(0)):
        m = (w[row] == W_ANS).tolist()
        hit = (am[row] == y[row]).tolist()
        i = 0
        while i < len(m):
            if m[i]:
                j = i
                while j < len(m) and m[j]:
                    j += 1
                ok += all(hit[i:j])
                n += 1
                i = j
            else:
                i += 1
    return ok, n


# progress (0..1) -> (choices of length with weights, chance of dense rounds, share of short chats)
PHASES = [
    (0.06, {128: 1}, 0.90, 0.02),
    (0.19, {256: 1}, 0.70, 0.10),
    (0.32, {256: 0.4, 512: 0.6}, 0.40, 0.16),
    (0.50, {256: 0.25, 512: 0.45, 1024: 0.30}, 0.25, 0.16),
    (0.72, {512: 0.40, 1024: 0.38, 2048: 0.22}, 0.15, 0.16),
    (1.1, {256: 0.30, 512: 0.25, 1024: 0.15, 2048: 0.15, 4096: 0.15}, 0.10, 0.40),
]


def train(a):
    import torch, numpy as np

    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    out = Path(a.out)
    tp = out / "tokenizer.json"
    tok = load_tokenizer(tp) if tp.exists() else build_tokenizer(tp, HP["vocab"], a.seed)
    PIECES[:] = [
        t
        for t in (tok.decode([i]) for i in range(3, tok.get_vocab_size()))
        if t.isprintable() and "\ufffd" not in t
    ]
    dev = torch.device(a.device)
    m = make_model(HP).to(dev)
    npar = sum(p.numel() for p in m.parameters())
    print(f"parameters {npar / 1e6:.2f}M  vocab {tok.get_vocab_size()}", flush=True)
    if not a.no_compile:
        torch._dynamo.config.recompile_limit = 64
        m.block = torch.compile(m.block, dynamic=False)
        m.head = torch.compile(m.head, dynamic=False)
    L = HP["layers"]
    hd = HP["hd"]
    muon = Muon(
        [
            (list(m.qkv), [HP["heads"] * hd, HP["kv"] * hd, HP["kv"] * hd]),
            (list(m.o), [HP["d"]]),
            (list(m.gu), [HP["ff"]] * 2),
            (list(m.dn), [HP["d"]]),
        ],
        wd=0.02,
    )
    vec = [m.nf, *m.n1, *m.n2, *m.qn, *m.kn]
    adam = torch.optim.AdamW(
        [
            dict(params=[m.emb], lr=0.01, base=0.01),
            dict(params=[m.out], lr=0.004, base=0.004),
            dict(params=vec, lr=0.004, base=0.004),
        ],
        betas=(0.9, 0.98),
        eps=1e-9,
        weight_decay=0.0,
    )
    st = dict(step=0, tokens=0, elapsed=0.0)
    ck = out / "ckpt.pt"
    log = []
    if ck.exists() and not a.fresh:
        d = torch.load(ck, map_location=dev, weights_only=False)
        m.load_state_dict(d["model"])
        adam.load_state_dict(d["adam"])
        muon.st = d["muon"]
        st = d["st"]
        log = d["log"]
        print("resumed at", st, flush=True)

    def save(p=ck):
        tmp = str(p) + ".tmp"
        torch.save(
            dict(model=m.state_dict(), adam=adam.state_dict(), muon=muon.st, st=st, log=log, hp=HP), tmp
        )
        os.replace(tmp, p)

    evals = {}

    def evaluate(Ls=(256, 512, 1024)):
        res = {}
        with torch.no_grad():
            for LL in Ls:
                if LL not in evals:
                    er = random.Random(99 + LL)
                    evals[LL] = make_batch(tok, er, max(1, 8192 // LL), LL, 0.0, 0.0)
                x, y, w = (t.to(dev) for t in evals[LL])
                _, am = m(x, y, w)
                ok, n = span_acc(am.view_as(y).cpu(), y.cpu(), w.cpu())
                res[LL] = round(ok / max(n, 1), 3)
        return res

    t0 = time.time()
    last = t0
    acc = 0.0
    na = 0
    tk = 0
    okn = [0, 0]
    saved = t0
    import signal

    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    while True:
        if stop:
            save()
            print("stopped at", st, flush=True)
            return
        now = time.time()
        el = st["elapsed"] + now - last
        st["elapsed"] = el
        last = now
        prog = st["step"] / a.steps if a.steps else el / (a.minutes * 60)
        if prog >= 1:
            break
        ph = next(p for p in PHASES if prog < p[0])
        r = random.Random((a.seed << 32) ^ (st["step"] * 7919 + 13))
        LL = r.choices(list(ph[1]), list(ph[1].values()))[0]
        bt = min(a.batch_tokens, 4096) if prog < 0.19 and not a.big_start else a.batch_tokens
        x, y, w = (
            t.to(dev)
            for t in make_batch(tok, r, max(1, bt // LL), LL, ph[2], ph[3], "AG" if prog < 0.03 else None)
        )
        loss, am = m(x, y, w)
        loss.backward()
        lrf = min(1.0, (st["step"] + 1) / 60) * (1.0 if prog < 0.5 else max(0.02, (1 - prog) / 0.5))
        lrf = min(1.0, lrf * a.boost)
        torch.nn.utils.clip_grad_norm_(vec + [m.emb, m.out], 1.0)
        muon.step(a.lr * lrf)
        for g in adam.param_groups:
            g["lr"] = g["base"] * lrf
        adam.step()
        m.zero_grad(set_to_none=True)
        st["step"] += 1
        st["tokens"] += x.numel()
        tk += x.numel()
        acc += loss.item()
        na += 1
        o, n = span_acc(am.view_as(y).cpu(), y.cpu(), w.cpu())
        okn[0] += o
        okn[1] += n
        if st["step"] % a.log_every == 0:
            dt = time.time() - t0
            row = dict(
                step=st["step"],
                prog=round(prog, 3),
                tokens=st["tokens"],
                loss=round(acc / na, 4),
                recall=round(okn[0] / max(1, okn[1]), 3),
                tok_s=int(tk / dt),
                min=round(st["elapsed"] / 60, 2),
            )
            if st["step"] % (a.log_every * 4) == 0:
                row["eval"] = evaluate((256, 512, 1024) if prog < 0.7 else (256, 512, 1024, 2048, 4096))
            log.append(row)
            print(json.dumps(row), flush=True)
            acc = na = tk = 0
            okn = [0, 0]
            t0 = time.time()
            if time.time() - saved > 180:
                save()
                saved = time.time()
    print("final eval", evaluate((256, 512, 1024, 2048, 4096)), flush=True)
    save()
    (out / "train_log.json").write_text(json.dumps(dict(st=st, log=log), indent=0))


# ----------------------------------------------------------------------------------------------
# 4. GGUF export
# ----------------------------------------------------------------------------------------------
def export(a):
    import torch, numpy as np, gguf

    out = Path(a.out)
    d = torch.load(out / (a.ckpt or "ckpt.pt"), map_location="cpu", weights_only=False)
    sd, hp = d["model"], d["hp"]
    tj = json.loads((out / "tokenizer.json").read_text())
    vocab = sorted(tj["model"]["vocab"].items(), key=lambda kv: kv[1])
    toks = [t for t, _ in vocab]
    merges = [m if isinstance(m, str) else " ".join(m) for m in tj["model"]["merges"]]
    for at in tj["added_tokens"]:
        if at["id"] < len(toks):
            assert toks[at["id"]] == at["content"]
        else:
            toks.append(at["content"])
    types = [int(gguf.TokenType.CONTROL) if t in SPECIAL else int(gguf.TokenType.NORMAL) for t in toks]
    Q = gguf.GGMLQuantizationType
    for name, qt, ft in [
        ("demo.f16.gguf", Q.F16, gguf.LlamaFileType.MOSTLY_F16),
        ("demo.q8_0.gguf", Q.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
    ]:
        w = gguf.GGUFWriter(str(out / name), "qwen3")
        w.add_type("model")
        w.add_name("KV Desk demo")
        w.add_basename("kv-desk-demo")
        w.add_size_label("5M")
        w.add_license("CC0-1.0")
        w.add_author("KV Desk")
        w.add_version("1")
        w.add_description(
            "Tiny chat model trained from scratch on synthetic text, made to try KV Desk offline: greets, explains the KV cache, repeats, counts, tells small stories and recalls facts from its context. It knows nothing about the world."
        )
        w.add_languages(["en"])
        w.add_tags(["demo", "text-generation", "kv-cache", "synthetic"])
        w.add_file_type(ft)
        w.add_quantization_version(gguf.GGML_QUANT_VERSION)
        w.add_context_length(a.ctx)
        w.add_embedding_length(hp["d"])
        w.add_block_count(hp["layers"])
        w.add_feed_forward_length(hp["ff"])
        w.add_head_count(hp["heads"])
        w.add_head_count_kv(hp["kv"])
        w.add_key_length(hp["hd"])
        w.add_value_length(hp["hd"])
        w.add_rope_dimension_count(hp["hd"])
        w.add_layer_norm_rms_eps(hp["eps"])
        w.add_rope_freq_base(hp["base"])
        w.add_vocab_size(hp["vocab"])
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("gpt-2")
        w.add_token_list(toks)
        w.add_token_types(types)
        w.add_token_merges(merges)
        w.add_bos_token_id(0)
        w.add_eos_token_id(2)
        w.add_eot_token_id(2)
        w.add_pad_token_id(0)
        w.add_add_bos_token(False)
        w.add_add_eos_token(False)
        w.add_chat_template(TEMPLATE)

        def put(n, t):
            x = np.ascontiguousarray(t.detach().float().numpy())
            if x.ndim == 1:
                w.add_tensor(n, x)
                return
            w.add_tensor(n, gguf.quants.quantize(x, qt), raw_dtype=qt)

        put("token_embd.weight", sd["emb"])
        put("output_norm.weight", sd["nf"])
        put("output.weight", sd["out"])
        nq, nk = hp["heads"] * hp["hd"], hp["kv"] * hp["hd"]
        for i in range(hp["layers"]):
            p = f"blk.{i}."
            q, k, v = sd[f"qkv.{i}"].split([nq, nk, nk], 0)
            g, u = sd[f"gu.{i}"].chunk(2, 0)
            for n, t in [
                ("attn_norm", sd[f"n1.{i}"]),
                ("attn_q", q),
                ("attn_k", k),
                ("attn_v", v),
                ("attn_q_norm", sd[f"qn.{i}"]),
                ("attn_k_norm", sd[f"kn.{i}"]),
                ("attn_output", sd[f"o.{i}"]),
                ("ffn_norm", sd[f"n2.{i}"]),
                ("ffn_gate", g),
                ("ffn_up", u),
                ("ffn_down", sd[f"dn.{i}"]),
            ]:
                put(p + n + ".weight", t)
        w.write_header_to_file()
        w.write_kv_data_to_file()
        w.write_tensors_to_file()
        w.close()
        print(name, os.path.getsize(out / name), "bytes", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", default="out")
    p.add_argument("--stage", default="all", choices=["tokenizer", "train", "export", "sample", "all"])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--minutes", type=float, default=51.5)
    p.add_argument("--steps", type=int, default=0, help="step-based schedule instead of --minutes")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--device", default="cpu")
    p.add_argument("--batch-tokens", type=int, default=8192)
    p.add_argument("--big-start", action="store_true", help="full batch from the start (for GPUs)")
    p.add_argument("--lr", type=float, default=0.02)
    p.add_argument(
        "--boost", type=float, default=1.0, help="learning-rate factor when a run is resumed for more minutes"
    )
    p.add_argument("--no-compile", action="store_true")
    p.add_argument("--fresh", action="store_true")
    p.add_argument("--log-every", type=int, default=25)
    p.add_argument("--ckpt", default="")
    p.add_argument("--ctx", type=int, default=4096, help="context_length in the metadata")
    a = p.parse_args()
    Path(a.out).mkdir(parents=True, exist_ok=True)
    if a.stage in ("tokenizer", "all") and not (Path(a.out) / "tokenizer.json").exists():
        t = build_tokenizer(Path(a.out) / "tokenizer.json", HP["vocab"], a.seed)
        print("vocab", t.get_vocab_size())
    if a.stage == "sample":
        r = random.Random(a.seed)
        for L, d in [(200, 1.0), (400, 0.0), (400, 0.0)]:
            print(text_of(conversation(r, L, d)), "\n=====")
    if a.stage in ("train", "all"):
        train(a)
    if a.stage in ("export", "all"):
        export(a)


if __name__ == "__main__":
    main()
