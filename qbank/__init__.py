"""The shared ground: settings, the one door to Postgres, import, stores, demo data and the CLI.

What never lives here: psychometrics (see ``calibration``) and Dagster (see ``qbank_orchestration``).
"""
