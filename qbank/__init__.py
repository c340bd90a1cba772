"""The shared ground: settings, the one door to Postgres, import, stores, demo data and the CLI.

What never lives here: psychometrics (``calibration``) and Dagster (``qbank_orchestration``).
"""
