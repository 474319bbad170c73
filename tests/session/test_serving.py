"""The window's own engine and cache, opened to other programs."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from kvdesk.session import actions
from tests.session.test_real_engine import Real

pytestmark = pytest.mark.llama
FACT = "The code for the blue box is 48213."
QUESTION = "What is the code for the blue box?"


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Real]:
    real = Real(tmp_path)
    yield real
    real.desk.close()


def answered(real: Real, thread: ThreadPoolExecutor, text: str) -> str:
    """What the endpoint's client gets while the window goes on drawing."""
    endpoint = real.desk.state.endpoint
    assert endpoint is not None

    def ask() -> str:
        with openai.OpenAI(base_url=endpoint.url, api_key="none", max_retries=0) as client:
            message = {"role": "user", "content": text}
            done = client.chat.completions.create(model="demo", messages=[message], temperature=0)
            return done.choices[0].message.content

    asked: Future[str] = thread.submit(ask)
    real.until(asked.done)
    return asked.result()


def test_the_window_and_another_program_share_an_engine(real: Real):
    real.open()
    real.ask(FACT)
    actions.open_endpoint(real.desk, port=0)
    real.until(lambda: real.desk.state.endpoint is not None)
    pid = real.desk.driver.pid
    with ThreadPoolExecutor(1) as thread:
        assert "48213" in answered(real, thread, f"{FACT} {QUESTION}")
        assert "48213" in real.ask(QUESTION).content
        assert "48213" in answered(real, thread, f"{FACT} {QUESTION}")
        assert len(real.messages) == 4  # what others ask is no part of the conversation
        assert real.desk.driver.pid == pid
        actions.unload_model(real.desk)
        real.until(lambda: real.desk.state.engine.loaded is None)
        with pytest.raises(openai.InternalServerError):
            answered(real, thread, FACT)
    actions.close_endpoint(real.desk)
    assert real.desk.state.endpoint is None


def test_an_engine_that_dies_is_said_to_its_clients(real: Real):
    real.open()
    real.ask(FACT)
    actions.open_endpoint(real.desk, port=0)
    real.until(lambda: real.desk.state.endpoint is not None)
    real.kill_engine()
    with ThreadPoolExecutor(1) as thread, pytest.raises(openai.InternalServerError):
        answered(real, thread, FACT)
