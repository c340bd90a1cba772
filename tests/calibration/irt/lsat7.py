"""LSAT section 7 (Bock & Lieberman 1970): 1,000 persons, 5 items, frequencies of 00000 … 11111."""

import numpy as np

FREQUENCIES = [
    *(12, 19, 1, 7, 3, 19, 3, 17, 10, 5, 3, 7, 7, 23, 8, 28),
    *(7, 39, 11, 34, 14, 51, 15, 90, 6, 25, 7, 35, 18, 136, 32, 308),
]
PATTERNS = np.array([[int(digit) for digit in f"{k:05b}"] for k in range(32)])


def responses():
    """(person, item, correct), each of shape (5000,)."""
    answers = np.repeat(PATTERNS, FREQUENCIES, axis=0)
    person, item = np.divmod(np.arange(answers.size), 5)
    return person, item, answers.ravel()
