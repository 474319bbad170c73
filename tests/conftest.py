"""What holds for every test."""

import gc
from uuid import uuid4

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is, not whether the code is right.
settings.register_profile("kvdesk", deadline=None)
settings.load_profile("kvdesk")


def pytest_collection_finish() -> None:
    """Leave what is there before the first test out of collections: looking for leaks collects often."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def own_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep settings, chats and the ledger of whoever runs the tests out of them."""
    monkeypatch.setenv("KVDESK_HOME", str(tmp_path_factory.getbasetemp() / f"home-{uuid4().hex}"))
