"""One row a family: architectures whose memory llama.cpp arranges by rules of their own, and those rules.

Architectures of `PLAIN` follow the common keys alone. Everything here was read in the release of llama.cpp
that pyproject.toml names (src/models/*.cpp, load_arch_hparams, and llama_model::create_memory).
"""

from collections.abc import Mapping
from types import MappingProxyType

from kvdesk.memory.families import rules, sparse
from kvdesk.memory.families.keys import Keys
from kvdesk.memory.families.rules import Rule, window
from kvdesk.memory.shape import ExpertShares, LateRows


def _names(text: str) -> frozenset[str]:
    """A set of architectures from words."""
    return frozenset(text.split())


RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        # Sliding windows
        "afmoe": (window(4, optional=True),),
        "cohere2": (window(4),),
        "cohere2moe": (window(4, dense_first=True),),
        "dflash": (rules.window_where_listed_if_any,),
        "exaone-moe": (window(4, default=128),),
        "exaone4": (rules.window_of_the_32b,),
        "gemma2": (window(2, default=4096),),
        "gemma3": (window(6, optional=True),),
        "gemma3n": (window(5), rules.borrows_after(20)),
        "gemma4": (rules.window_where_listed, rules.last_layers_borrow),
        "gemma4-assistant": (rules.window_where_listed,),
        "gpt-oss": (window(2),),
        "granite_swa": (rules.window_where_listed,),
        "laguna": (window(4, dense_first=True, optional=True),),
        "llama4": (rules.chunks_of_8192,),
        "maple": (rules.window_where_listed,),
        "mellum": (window(4, optional=True),),
        "mimo2": (rules.window_where_listed,),
        "muse-glimmer": (window(4),),
        "olmo2": (window(4, optional=True),),
        "plamo3": (window(8, optional=True),),
        "smallthinker": (rules.window_of_4096,),
        "spark2_5": (rules.window_where_listed,),
        "step35": (rules.window_where_listed,),
        # Latent attention
        "deepseek2": (rules.latent_attention,),
        "mistral4": (rules.latent_attention,),
        "deepseek32": (rules.latent_attention, sparse.indexer_on_every_layer),
        "glm-dsa": (rules.latent_attention, sparse.indexer_of_glm),
        "hy_v4": (rules.latent_attention, sparse.indexer_if_sparse),
        "dots3note": (rules.latent_attention, rules.window_where_listed, sparse.indexer_where_listed),
        "deepseek4": (sparse.prediction_only_if_present, rules.window_of_every_layer, sparse.compressed_keys),
        # Sparse attention over ordinary heads
        "minimax-m3": (sparse.indexer_after_dense,),
        # Recurrent
        "mamba": (rules.mamba_state, rules.every_layer_recurs),
        "mamba2": (rules.grouped_state, rules.every_layer_recurs),
        "rwkv6": (rules.rwkv_state, rules.every_layer_recurs),
        "rwkv6qwen2": (rules.rwkv_state, rules.every_layer_recurs),
        "rwkv7": (rules.rwkv_state, rules.every_layer_recurs),
        "arwkv7": (rules.rwkv_state, rules.every_layer_recurs),
        # Hybrids
        "falcon-h1": (rules.grouped_state, rules.attends_and_recurs),
        "granitehybrid": (rules.grouped_state, rules.recurs_without_kv_heads),
        "jamba": (rules.mamba_state, rules.recurs_without_kv_heads),
        "plamo2": (rules.head_sizes_as_written, rules.grouped_state, rules.recurs_without_kv_heads),
        "nemotron_h": (rules.grouped_state, rules.recurs_without_kv_heads_and_ffn),
        "nemotron_h_moe": (rules.grouped_state, rules.recurs_without_kv_heads_and_ffn),
        "lfm2": (rules.short_convolution, rules.recurs_without_kv_heads, rules.window_of_attention_layers),
        "lfm2moe": (rules.short_convolution, rules.recurs_without_kv_heads),
        "qwen3next": (rules.grouped_state, rules.recurs_between_full_layers(4)),
        "qwen35": (rules.grouped_state, rules.recurs_between_full_layers(4)),
        "qwen35moe": (rules.grouped_state, rules.recurs_between_full_layers(4)),
        "qwen4exp": (
            rules.grouped_state,
            rules.recurs_between_full_layers(4),
            sparse.indexer_on_attention_layers(),
            sparse.ngram_history,
        ),
        "minimax-01": (rules.linear_attention_state, rules.recurs_between_full_layers(8)),
        "kimi-linear": (rules.latent_attention, rules.delta_attention_state, rules.recurs_without_kv_heads),
        "bailingmoe3": (rules.latent_attention, rules.delta_attention_state, rules.recurs_without_kv_heads),
        "kimi-k3": (
            rules.latent_attention,
            rules.value_is_the_latent,
            rules.delta_attention_state,
            rules.recurs_without_kv_heads,
        ),
        "glm5-next": (
            rules.latent_attention,
            rules.value_is_the_latent,
            rules.delta_attention_state,
            rules.recurs_without_kv_heads,
            rules.trunk_attends,
            sparse.indexer_on_attention_layers(pooled=3),
        ),
        # Layers counted otherwise
        "nanbeige": (rules.loops,),
        "graniteswitch": (rules.router_layer,),
        # Nothing kept between calls
        "bert": (rules.no_cache,),
        "dream": (rules.no_cache,),
        "eurobert": (rules.no_cache,),
        "gemma-embedding": (window(6), rules.no_cache),
        "jina-bert-v2": (rules.no_cache,),
        "jina-bert-v3": (rules.no_cache,),
        "llada": (rules.no_cache,),
        "llada-moe": (rules.no_cache,),
        "modern-bert": (window(3, dense_first=True, optional=True), rules.no_cache),
        "neo-bert": (rules.no_cache,),
        "nomic-bert": (rules.no_cache,),
        "nomic-bert-moe": (rules.no_cache,),
        "rnd1": (rules.no_cache,),
        "wavtokenizer-dec": (rules.no_cache,),
    }
)

PLAIN = _names(
    """
    apertus arcee arctic baichuan bailingmoe bailingmoe2 bitnet bloom chameleon chatglm codeshell
    cogvlm command-r dbrx deci deepseek deepseek2-ocr dots1 eagle3 ernie4_5 ernie4_5-moe exaone
    falcon gemma glm4 glm4moe gpt2 gptneox granite granitemoe grok grovemoe hrm_text hunyuan-dense
    hunyuan-moe hunyuan_vl hy_v3 internlm2 jais jais2 llama llama-embed maincoder minicpm minicpm3
    minimax-m2 mistral3 mpt nemotron olmo olmoe openelm orion paddleocr pangu-embedded phi2 phi3
    phimoe plamo plm pockettts qwen qwen2 qwen2moe qwen2vl qwen3 qwen3moe qwen3tts qwen3vl
    qwen3vlmoe refact seed_oss smollm3 stablelm starcoder starcoder2 t5 t5encoder talkie xverse
    """
)

# llama_init_from_model: forced off.
WITHOUT_FLASH_ATTENTION = frozenset({"grok"})

# llama_model_rope_type: several positions a token, always or where the file gives sections.
MULTI_ROPE = _names("qwen2vl paddleocr qwen3vl qwen3vlmoe qwen35 qwen35moe qwen4exp qwen3tts")
SECTIONED_ROPE = _names("bailingmoe3 dflash glm4 glm4moe hunyuan_vl")

# Rotary frequencies from the file are for layers without a window.
FREQUENCIES_OF_FULL_LAYERS = frozenset({"gemma4", "gemma4-assistant"})

# llama_model_has_encoder.
WITH_ENCODER = _names("t5 t5encoder eagle3 dflash")

# llm_arch_supports_sm_tensor.
WITHOUT_TENSOR_SPLIT = _names(
    """
    grok mpt plamo2 minicpm3 gemma3n mamba mamba2 jamba falcon-h1 olmo2 olmoe deepseek2 deepseek32
    hy_v4 dots3note glm-dsa bitnet t5 nemotron_h nemotron_h_moe granitehybrid minimax-01 minimax-m2
    minimax-m3 mistral4 kimi-linear bailingmoe3 kimi-k3 glm5-next qwen3tts qwen4exp
    """
)

# load_arch_tensors makes the tied output before the embedding, so that both stay (TENSOR_DUPLICATED).
EMBEDDING_TWICE = frozenset({"gemma3n", "gemma4"})

# Models whose hparams say causal_attn = false: their batch is not clamped to the context.
NOT_CAUSAL = frozenset({"dream", "gemma-embedding", "llada", "llada-moe", "rnd1"})

# get_can_shift: rotary sizes by layer, positions of compressed blocks.
CANNOT_SHIFT = frozenset({"step35", "deepseek4"})

# sched_reserve: buffers are reserved for one sequence too, which may need more.
RESERVES_ONE_SEQUENCE = frozenset({"kimi-linear", "minimax-01"})

# build_graph_shift turns every layer's K, in pairs of the model's kind. Not so these: some layers know no
# positions (smollm3), or only those with windows do; all have a bias by distance instead (baichuan 13B); K is
# normed after it was turned (hunyuan, maincoder); its pairs lie otherwise (deepseek2-ocr).
TURNS_KEYS_ODDLY = _names("baichuan deepseek2-ocr hunyuan-dense hunyuan-moe maincoder smollm3")
TURNS_KEYS_IN_WINDOWS = _names(
    "afmoe cohere2 cohere2moe exaone-moe exaone4 llama4 maple muse-glimmer smallthinker"
)

# Models that have no output matrix, or multiply by the embedding where it lies (no TENSOR_DUPLICATED).
WITHOUT_TIED_COPY = _names(
    """
    bert bitnet codeshell eurobert jina-bert-v2 jina-bert-v3 modern-bert neo-bert nomic-bert
    nomic-bert-moe wavtokenizer-dec
    """
)

# No output matrix: the graph ends with the last layer's embeddings.
ENCODERS = _names(
    """
    bert eurobert gemma-embedding jina-bert-v2 jina-bert-v3 llama-embed modern-bert neo-bert nomic-bert
    nomic-bert-moe t5encoder wavtokenizer-dec
    """
)

# LLM_NORM, which never works in place, wherever the model norms its stream; all others LLM_NORM_RMS.
LAYER_NORM = _names(
    """
    bert bloom codeshell cohere2 command-r dbrx falcon gpt2 gptneox jais jais2 jina-bert-v2
    jina-bert-v3 modern-bert mpt nemotron nomic-bert nomic-bert-moe olmo orion phi2 pockettts rwkv6 rwkv7
    stablelm starcoder starcoder2 wavtokenizer-dec
    """
)

# Norms without weights, of which the file says nothing.
WEIGHTLESS_NORMS = frozenset({"olmo", "talkie"})

# A bias by distance joins the scores, so that no kernel computes them.
BIASES_SCORES = _names("t5 t5encoder")

# The embedding is scaled before the first layer; of others the file may ask it (build_inp_embd).
_SCALES_EMBEDDING = _names(
    "afmoe gemma gemma-embedding gemma2 gemma3 gemma3n gemma4 gemma4-assistant grok minicpm minicpm3"
)


def scales_embedding(keys: Keys) -> bool:
    """Whether the embedding is scaled."""
    return keys.prefix in _SCALES_EMBEDDING or keys.real("embedding_scale", 0.0) != 0.0


# What the logits are made from is scaled before.
SCALES_OUTPUT = frozenset({"minicpm3"})

# A part of the embedding joins the stream again after every layer.
SKIPS_EMBEDDING = frozenset({"talkie"})

# V goes through a norm of its own before it is cached.
NORMS_VALUES = frozenset({"gemma3n", "gemma4"})

# Only the tokens whose logits are wanted go through the last layer; these choose them after it, and some
# keep the whole stream for a prediction head (h_nextn), before or after the last norm.
_ROWS_BEFORE_NORM = _names("gemma3n hrm_text kimi-k3")
_ROWS_NEVER = frozenset({"cogvlm"})  # logits of all tokens
_ROWS_KEPT_BEFORE_NORM = _names("gpt-oss step35")
_ROWS_AFTER_NORM = _names(
    "bailingmoe3 cohere2moe gemma4 hy_v3 nemotron_h nemotron_h_moe qwen35 qwen35moe qwen3next"
)


def late_rows(architecture: str) -> LateRows:
    """Where the graph picks the tokens whose logits are wanted."""
    if architecture in _ROWS_AFTER_NORM:
        return "after_norm"
    if architecture in _ROWS_KEPT_BEFORE_NORM:
        return "kept_before_norm"
    if architecture in _ROWS_NEVER:
        return "never"
    return "before_norm" if architecture in _ROWS_BEFORE_NORM else ""


# Which operand of a residual sum comes first decides whose memory it takes.
ADDS_ATTENTION_SECOND = frozenset({"jamba", "lfm2", "lfm2moe", "openelm"})
ADDS_FEED_FORWARD_SECOND = _names("jamba lfm2 lfm2moe phi2 phi3 phimoe")

# Q and K go into the cache as they are.
_WITHOUT_ROPE = _names(
    """
    bert bloom glm5-next gpt2 jais jamba jina-bert-v2 kimi-k3 kimi-linear mpt nemotron_h nemotron_h_moe refact
    starcoder t5 t5encoder
    """
)
_ROPE_AS_WRITTEN = _names("granite granitehybrid granitemoe graniteswitch")
_BAICHUAN_7B_LAYERS = 32  # the larger one has a bias by distance instead


def uses_positions(keys: Keys, n_trunk: int) -> bool:
    """Whether any layer turns Q and K by their position (RoPE)."""
    architecture = keys.prefix
    if architecture == "baichuan":
        return n_trunk == _BAICHUAN_7B_LAYERS
    if architecture in _ROPE_AS_WRITTEN:
        return bool(keys.number("rope.scaling.finetuned", 1))
    return architecture not in _WITHOUT_ROPE


# The index scores blocks of tokens, or the means of a few neighbours.
BLOCK_INDEX = frozenset({"minimax-m3"})
MEAN_INDEX = frozenset({"qwen4exp"})

# The index scores pools of tokens.
POOLED_INDEX = frozenset({"glm5-next"})

# The index's queries and keys are not turned by a Hadamard matrix.
PLAIN_INDEX = frozenset({"hy_v4"})

# Where attention and feed-forward stand side by side, the feed-forward joins the stream first.
ADDS_STREAM_FIRST = _names("cohere2 cohere2moe command-r gptneox")

# Attention reads the layer's second norm, the feed-forward beside it the first.
ATTENDS_SECOND_NORM = frozenset({"falcon"})

# What attention and feed-forward join is their own normed input, scaled.
ADDS_NORMED = frozenset({"minimax-01"})

# What joins the stream is scaled before.
SCALES_RESULTS = _names("granite granitehybrid granitemoe granite_swa graniteswitch minicpm")

# What becomes of the chosen experts' odds (build_moe_ffn): in these nothing, or what the file says; else
# their sum is made one. gpt-oss takes the softmax of the chosen.
_SHARES_PLAIN = _names("deepseek jamba llada-moe llama4 nomic-bert-moe olmoe qwen2moe")
_SHARES_AS_WRITTEN = _names(
    """
    afmoe bailingmoe bailingmoe2 bailingmoe3 cohere2moe deepseek2 deepseek2-ocr deepseek32 deepseek4 dflash
    dots1 dots3note exaone-moe glm-dsa glm4moe glm5-next hy_v3 hy_v4 kimi-k3 laguna minimax-m3 nemotron_h
    nemotron_h_moe step35
    """
)


def expert_shares(architecture: str, is_normed: bool) -> ExpertShares:
    """How experts are weighted; `is_normed` is the file's expert_weights_norm."""
    if architecture == "gpt-oss":
        return "softmax"
    if architecture in _SHARES_PLAIN or (architecture in _SHARES_AS_WRITTEN and not is_normed):
        return "plain"
    return "normed"


# Experts are chosen by what comes into the layer, before attention.
ROUTES_BY_STREAM = frozenset({"smallthinker"})

# What experts read is weighted, not what they put out.
WEIGHS_FIRST = frozenset({"llama4"})

# The activation of gated feed-forwards is not one fused operation (LLM_FFN_SITU).
BENDS_GATES_IN_STEPS = frozenset({"kimi-k3"})

# Graphs with parts that kvdesk/memory/graph does not sketch: convolutions over positions, drafts that read
# another model's states.
ROUGH = _names("dflash eagle3 gemma4-assistant wavtokenizer-dec")
