"""Short waits, and names that resolve to what a test says."""

from collections.abc import Callable
from functools import partial

import pytest

from tests.webhooks.receivers import resolve_names
from webhooks.delivery import sender as sender_module


@pytest.fixture(autouse=True)
def short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "ANSWER_SECONDS", 0.3)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what every name resolves to."""
    return partial(resolve_names, monkeypatch)
