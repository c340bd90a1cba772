"""``qbank warm-up``: the science compiled before anybody waits for it.

What never lives here: what is compiled (``calibration.warming``).
"""

from __future__ import annotations

import time


def warm_up() -> None:
    """Compile the science once, so that no first fit, night or request waits for it.

    A minute or two after an installation or an upgrade, a second where that was done. What is
    compiled fits this kind of processor, and lies where NUMBA_CACHE_DIR says.
    """
    from calibration.compiled import CACHE_FOLDER
    from calibration.warming import compile_all

    began = time.monotonic()
    for part in compile_all():
        print(f"{time.monotonic() - began:5.0f} s  {part}", flush=True)
    where = CACHE_FOLDER or "nowhere: no folder can be written to, and each process compiles anew"
    print(f"{time.monotonic() - began:5.0f} s  done, kept in {where}")
