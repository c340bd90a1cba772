import numpy as np
import pytest

from calibration import ItemBank


@pytest.fixture(scope="session")
def small_bank() -> ItemBank:
    """120 items in three topics, plain enough to reason about."""
    rng = np.random.default_rng(20)
    return ItemBank(
        rng.lognormal(0, 0.3, 120),
        rng.normal(0, 1, 120),
        rng.beta(5, 17, 120),
        topic=np.arange(120) % 3 * 10,
        D=1.7,
    )
