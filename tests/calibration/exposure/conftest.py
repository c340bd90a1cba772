import numpy as np
import pytest
from scipy.special import betaincinv, ndtri
from scipy.stats.qmc import Halton

from calibration import ItemBank, RankedBank


def reference_items(size: int, scaling: float = 1.0, topic=None) -> ItemBank:
    """The reference scenario's bank: b normal, a lognormal, c Beta(5, 17), by van der Corput."""
    two, three, five = Halton(3, scramble=False).fast_forward(1).random(size).T
    return ItemBank(
        a=np.exp(0.3 * ndtri(three)),
        b=ndtri(two),
        c=betaincinv(5, 17, five),
        topic=topic,
        D=scaling,
    )


@pytest.fixture(scope="session")
def reference() -> RankedBank:
    return RankedBank.of(reference_items(500), nodes=81)


@pytest.fixture(scope="session")
def by_topic() -> RankedBank:
    """300 items in three topics of 150, 100 and 50."""
    topic = np.repeat([1, 2, 3], [150, 100, 50])
    return RankedBank.of(reference_items(300, 1.7, np.random.default_rng(1).permutation(topic)))
