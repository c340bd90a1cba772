"""What failed, as alerts: runs, checks, schedules and sensors of this code location.

It reads Dagster's storage alone, so that it speaks while the platform's database is away. What
never lives here: how an alert gets to a person (``qbank.alerts``).
"""
