"""Fixtures that the Python tests share."""

import jaxtyping
import pytest


@pytest.fixture
def own_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns jaxtyping's checks off, if they are on, so that bad input reaches the checks that users have."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
