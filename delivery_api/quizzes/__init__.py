"""The path of a quiz: the cached bank, the choice of the next item, and its rows in Postgres.

What never lives here: HTTP, and a selection rule (``calibration.cat`` holds the one there is).
"""
