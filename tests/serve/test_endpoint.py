"""The endpoint as OpenAI's own client library sees it, over a real engine."""

import json
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from kvdesk.engine.protocol import TextPiece, TurnDone
from kvdesk.errors import OptionError
from kvdesk.resources import resolve_model
from kvdesk.serve.endpoint import Endpoint
from tests.serve.conftest import Served, running

pytestmark = pytest.mark.llama

TOLD = {"role": "user", "content": "The code for the blue box is 48213."}
ASKED = {"role": "user", "content": "What is the code for the blue box?"}
Serve = Callable[..., Served]


def said(completion) -> str:
    return completion.choices[0].message.content


def test_a_chat_recalls_and_reads_nothing_twice(served: Served):
    first = served.openai.chat.completions.create(model="demo", messages=[TOLD])
    answer = {"role": "assistant", "content": said(first)}
    second = served.openai.chat.completions.create(model="demo", messages=[TOLD, answer, ASKED])
    assert "48213" in said(second)
    assert second.choices[0].finish_reason == "stop"
    usage = second.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    # All of the first turn but the last token of its answer, which nothing had followed yet.
    held = first.usage.prompt_tokens + first.usage.completion_tokens
    assert usage.prompt_tokens_details.cached_tokens >= held - 1


def test_two_chats_in_turns_keep_their_tokens(served: Served):
    """Each goes on under its own name, so that what it generated is found again as it was."""
    chats = {colour: [{**TOLD, "content": f"The code for the {colour} box is {code}."}]
             for colour, code in (("red", 11111), ("green", 22222))}  # fmt: skip
    names = set()
    for _ in range(2):
        for colour, messages in chats.items():
            done = served.openai.chat.completions.create(model="demo", messages=messages)
            messages.append({"role": "assistant", "content": said(done)})
            messages.append({**ASKED, "content": f"What is the code for the {colour} box?"})
            names.add((colour, served.engine.sent[-1].chat))
    assert len(names) == 2


def test_a_stream_has_the_same_text(served: Served):
    messages = [TOLD, {"role": "assistant", "content": "Okay."}, ASKED]
    whole = said(served.openai.chat.completions.create(model="demo", messages=messages))
    chunks = list(
        served.openai.chat.completions.create(
            model="demo", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 0


def test_an_answer_ends_where_it_is_told_to(served: Served):
    def ask(**how) -> tuple[str, str]:
        done = served.openai.chat.completions.create(model="demo", messages=[TOLD, ASKED], **how)
        return said(done), done.choices[0].finish_reason

    whole, why = ask()
    assert why == "stop"
    assert ask(max_completion_tokens=1)[1] == "length"
    assert ask(max_tokens=1)[1] == "length"
    assert ask(stop=[whole[2:4]]) == (whole[: whole.index(whole[2:4])], "stop")


def test_a_seed_repeats_itself(served: Served):
    how = {"temperature": 1.5, "top_p": 1.0, "presence_penalty": 0.5, "extra_body": {"top_k": 0, "min_p": 0}}

    def ask(seed: int) -> str:
        prompt = "Once upon a time"
        done = served.openai.completions.create(model="demo", prompt=prompt, seed=seed, max_tokens=24, **how)
        return done.choices[0].text

    assert ask(7) == ask(7)
    assert len({ask(seed) for seed in (1, 2, 3, 4)}) > 1


def test_a_completion_goes_on_with_the_bare_text(served: Served):
    done = served.openai.completions.create(model="demo", prompt="The code is", max_tokens=4)
    tokens = served.http.post("/tokenize", json={"content": "The code is", "add_special": True}).json()
    assert done.usage.prompt_tokens == len(tokens["tokens"])
    streamed = served.openai.completions.create(model="demo", prompt="The code is", max_tokens=4, stream=True)
    assert "".join(chunk.choices[0].text for chunk in streamed) == done.choices[0].text


def test_models_and_health(served: Served):
    (model,) = served.openai.models.list()
    assert model.id == "demo"
    assert served.openai.models.retrieve("demo").meta["n_ctx"] == 2048
    with pytest.raises(openai.NotFoundError):
        served.openai.models.retrieve("another")
    assert served.http.get("/health").json() == {"status": "ok"}


def test_a_reasoning_text_stands_by_itself(served: Served):
    messages = [{"role": "user", "content": "What is 2 + 2? Think."}]
    done = served.openai.chat.completions.create(model="demo", messages=messages, max_tokens=60)
    chunks = served.openai.chat.completions.create(
        model="demo", messages=messages, max_tokens=60, stream=True
    )
    deltas = [chunk.choices[0].delta for chunk in chunks]
    reasoning = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert reasoning.strip() == getattr(done.choices[0].message, "reasoning_content", "")
    assert "".join(delta.content or "" for delta in deltas) == said(done)


@pytest.mark.parametrize(
    ("asked", "about"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "role"),
        ({"messages": [TOLD], "n": 2}, "“n”"),
        ({"messages": [TOLD], "tools": [{"type": "function"}]}, "“tools”"),
        ({"messages": [TOLD], "temperature": 9}, "between 0 and 5"),
        ({"messages": [TOLD], "top_k": "many"}, "“top_k” must be a number"),
        ({"messages": [TOLD], "stop": 3}, "“stop”"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "must be text"),
    ],
)
def test_what_cannot_be_done_is_said_in_openais_shape(served: Served, asked, about):
    reply = served.http.post("/v1/chat/completions", json=asked)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert about in error["message"]
    assert error["type"] == "invalid_request_error"


@pytest.mark.parametrize("is_streamed", [False, True])
def test_a_prompt_longer_than_the_context_is_refused_with_a_status(served: Served, is_streamed):
    messages = [{"role": "user", "content": "word " * 5000}]
    with pytest.raises(openai.BadRequestError) as refused:
        served.openai.chat.completions.create(model="demo", messages=messages, stream=is_streamed)
    assert refused.value.code == "context_length_exceeded"


def test_no_json_and_no_path(served: Served):
    reply = served.http.post(
        "/v1/chat/completions", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert (reply.status_code, "not a JSON object" in reply.json()["error"]["message"]) == (400, True)
    assert served.http.get("/v1/nothing").json()["error"]["type"] == "invalid_request_error"
    assert served.http.post("/v1/chat/completions", content=b"{}").status_code == 415


# ------------------------------------------------------------------------------------------- who is heard


def test_a_wrong_token_is_refused(serve: Serve, engine):
    served = serve(engine, token="right")
    assert served.openai.models.list().data[0].id == "demo"
    for key in ("wrong", "right2", "righ"):
        with pytest.raises(openai.AuthenticationError):
            served.openai.with_options(api_key=key).models.list()
    assert served.http.get("/v1/models").status_code == 401
    assert served.http.get("/health").status_code == 200


def test_an_address_that_others_reach_has_a_token_of_its_own(serve: Serve, engine):
    first, second = serve(engine, host="0.0.0.0"), serve(engine, host="0.0.0.0")
    assert first.endpoint.token != second.endpoint.token
    assert len(first.endpoint.token) >= 32
    port = first.endpoint.url.rpartition(":")[2]
    assert first.http.get(f"http://127.0.0.1:{port}/models").status_code == 401


def test_another_name_for_this_host_is_refused(served: Served):
    """A page whose name was made to resolve to 127.0.0.1 names itself in Host."""
    for host, status in (("evil.example", 403), ("localhost", 200), ("127.0.0.1:1", 200), ("[::1]", 200)):
        assert served.http.get("/v1/models", headers={"Host": host}).status_code == status


def test_a_page_from_elsewhere_is_refused_and_told_nothing(served: Served):
    reply = served.http.get("/v1/models", headers={"Origin": "https://evil.example"})
    assert reply.status_code == 403
    assert not any(name.startswith("access-control") for name in reply.headers)


# -------------------------------------------------------------------------------- leaving, waiting, closing


LONG = "a b c d"  # what this model goes on with for hundreds of tokens


def endless(slow: Served):
    """A stream that has begun and would go on for long."""
    stream = slow.openai.completions.create(model="demo", prompt=LONG, stream=True)
    next(iter(stream))
    return stream


def stopped(slow: Served) -> bool:
    """Whether the engine's last turn ended because it was told to."""
    turns = [event for event in slow.engine.heard if isinstance(event, TurnDone)]
    return bool(turns) and turns[-1].stop_reason == "cancelled"


def test_a_client_that_leaves_a_stream_ends_the_turn(slow: Served):
    turns = len(slow.engine.heard)
    endless(slow).close()
    slow.engine.wait_until(lambda: len(slow.engine.heard) > turns and stopped(slow))
    after = slow.openai.completions.create(model="demo", prompt="Once", max_tokens=2)
    assert after.usage.completion_tokens == 2


def test_a_client_that_leaves_before_the_answer_ends_the_turn(slow: Served):
    heard = len(slow.engine.heard)
    body = json.dumps({"prompt": LONG}).encode()
    host, port = slow.endpoint.url.removesuffix("/v1").removeprefix("http://").split(":")
    head = f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        slow.engine.wait_until(lambda: any(isinstance(e, TextPiece) for e in slow.engine.heard[heard:]))
    slow.engine.wait_until(lambda: any(isinstance(e, TurnDone) for e in slow.engine.heard[heard:]))
    assert stopped(slow)


def test_requests_at_once_are_answered_one_after_the_other(served: Served):
    def ask(code: int) -> str:
        messages = [{**TOLD, "content": f"The code for the blue box is {code}."}, ASKED]
        return said(served.openai.chat.completions.create(model="demo", messages=messages))

    with ThreadPoolExecutor(4) as threads:
        at_once = list(threads.map(ask, (12345, 67890, 13579, 24680)))
    assert at_once == [ask(code) for code in (12345, 67890, 13579, 24680)]


def test_a_closed_endpoint_ends_its_turn_and_its_thread(slow: Served):
    heard = len(slow.engine.heard)
    stream = endless(slow)
    slow.endpoint.close()
    assert "kvdesk-endpoint" not in {thread.name for thread in threading.enumerate()}
    slow.engine.wait_until(lambda: any(isinstance(e, TurnDone) for e in slow.engine.heard[heard:]))
    assert stopped(slow)
    stream.close()


def test_a_dead_engine_is_said_and_not_waited_for(serve: Serve):
    with running(resolve_model("demo")) as engine:
        served = serve(engine)
        engine.kill()
        with pytest.raises(openai.InternalServerError) as refused:
            served.openai.chat.completions.create(model="demo", messages=[TOLD])
        assert refused.value.status_code == 503
        assert served.http.get("/health").status_code == 503


def test_an_address_that_is_taken_is_said(served: Served):
    port = int(served.endpoint.url.removesuffix("/v1").rpartition(":")[2])
    with pytest.raises(OptionError, match="cannot be opened"):
        Endpoint(served.engine.port, port_number=port)
