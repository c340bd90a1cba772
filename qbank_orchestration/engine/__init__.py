"""What the night does, without Dagster: propose, audit, publish, undo.

Each step reads through ``qbank.stores``, calls ``calibration`` and returns frozen dataclasses; the
assets only translate. What never lives here: Dagster, and SQL.
"""
