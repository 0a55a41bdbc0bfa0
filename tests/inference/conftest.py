"""Fixtures for a scripted model; no test can reach a real one."""

from collections.abc import Iterator

import pydantic_ai.models
import pytest
from tests.scripted_model import ScriptedModel, scripted_model


@pytest.fixture(autouse=True)
def no_real_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pydantic_ai.models, "ALLOW_MODEL_REQUESTS", False)


@pytest.fixture
def model(no_real_models: None) -> Iterator[ScriptedModel]:
    with scripted_model() as running:
        yield running
