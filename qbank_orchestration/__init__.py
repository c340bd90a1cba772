"""The Dagster code location: thin assets, checks, partitions, jobs, schedules and sensors.

Each asset reads through ``qbank``, calls ``calibration``, writes through ``qbank`` and returns
metadata.

What never lives here: formulas, and SQL longer than a line.
"""
