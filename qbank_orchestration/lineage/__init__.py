"""What came of what, told by OpenLineage's events, such as Marquez takes.

They are made of what Dagster keeps of a run that is over, so that telling them is no part of a
night and cannot fail one. What never lives here: who asks for them (``sensors.lineage``).
"""
