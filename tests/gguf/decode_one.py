"""Loads a model for real and evaluates three tokens: `python decode_one.py MODEL.gguf decode|encode`.

Prints the sum of the absolute logits or embeddings of the last token. A program of its own, because llama.cpp
ends the process when a model contradicts itself.
"""

import sys

import numpy as np
from llama_cpp import llama_cpp as api


def main(path: str, way: str) -> None:
    api.llama_backend_init()
    model = api.llama_model_load_from_file(path.encode(), api.llama_model_default_params())
    if not model:
        sys.exit("the model cannot be loaded")
    params = api.llama_context_default_params()
    params.n_ctx = 512
    params.n_threads = params.n_threads_batch = 1
    params.embeddings = way == "encode"
    context = api.llama_init_from_model(model, params)
    if not context:
        sys.exit("the context cannot be made")
    tokens = (api.llama_token * 3)(10, 20, 30)
    evaluate = api.llama_encode if way == "encode" else api.llama_decode
    if evaluate(context, api.llama_batch_get_one(tokens, 3)):
        sys.exit("the tokens cannot be evaluated")
    if way == "encode":
        values, count = api.llama_get_embeddings_seq(context, 0), api.llama_model_n_embd(model)
    else:
        values, count = api.llama_get_logits_ith(context, -1), 512
    sys.stdout.write(f"{np.abs(np.ctypeslib.as_array(values, (count,))).sum()}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
