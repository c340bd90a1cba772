"""Counter-based randomness: any draw of any examinee, in any order, on any machine.

Never change a constant here: every published exposure parameter names a seed.

What never lives here: a stateful generator.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration.cat.arrays import Array
from calibration.compiled import inlined, kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@inlined
def mixed(z: Any) -> Any:
    """Finaliser of splitmix64 (Steele, Lea & Flood 2014): a bijection on 64 bits."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@inlined
def stream_key(seed: Any, number: Any) -> Any:
    """Key of stream `number` (an examinee, an iteration) under `seed`, all uint64."""
    return mixed(mixed(seed + _GOLDEN) ^ mixed(_GOLDEN * (np.uint64(number) + np.uint64(1))))


@inlined
def uniform(key: Any, counter: Any) -> Any:
    """Draw `counter` of stream `key`: uniform on [0, 1) with 53 bits, the same in any order."""
    z = mixed(key + _GOLDEN * (np.uint64(counter) + np.uint64(1)))
    return np.float64(np.int64(z >> np.uint64(11))) * 2.0**-53


@kernel
def first_uniforms(seed: Any, start: Any, out: Array) -> None:
    """Fills `out` with the first draw of the streams start, start + 1 and so on."""
    for n in range(out.shape[0]):
        out[n] = uniform(stream_key(seed, start + n), 0)


@kernel
def seed_of_part(seed: Any, number: Any) -> Any:
    """A seed of its own for part `number` of a run."""
    return stream_key(seed, number)
