"""The delivery API (FastAPI): one router a file, its request and response models beside it.

What never lives here: formulas, and a second selection rule (see ``calibration.cat``).
"""
