"""The core that all packages share: settings, connections, import, stores, demo data, the CLI.

What never lives here: psychometrics (``calibration``) and Dagster (``qbank_orchestration``).
"""
