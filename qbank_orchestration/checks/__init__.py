"""Asset checks beyond those that a proposal's own audit makes.

What never lives here: the audits of proposals (``engine.audit``), and dbt's tests.
"""
