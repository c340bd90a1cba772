"""How many threads BLAS takes moves no parameter, and of the standard errors the last digits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

PROJECT = Path(__file__).resolve().parents[3]
_SCRIPT = """
import numpy as np
import calibration as cal
from tests.calibration.irt import planted

fit = cal.fit(*planted.draw(1, 1500, 200).responses, node_check=False, max_cycles=20)
print(*(v.tobytes().hex() for v in (fit.a, fit.b, fit.se_a, fit.se_b)))
"""


def estimates(threads: int) -> list[np.ndarray]:
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", _SCRIPT]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    return [np.frombuffer(bytes.fromhex(values)) for values in done.stdout.split()]


@pytest.mark.slow
def test_parameters_are_the_same_bits() -> None:
    one, two = estimates(1), estimates(2)

    for ours, theirs in zip(one[:2], two[:2], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(one[2:], two[2:], strict=True):
        assert_allclose(ours, theirs, rtol=1e-4)
