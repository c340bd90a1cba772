"""Sensors: what starts, follows and cleans up runs. None of them computes anything."""
