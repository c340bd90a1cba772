"""Benchmarks: ratios against named baselines, and how cost grows. ``python -m bench --quick``.

What never lives here: timed assertions. A slow machine is no failure.
"""
