"""The data dictionary: what each column of a mart means, told to all who show it.

dbt's yml is the source. ``python -m dictionary`` writes it into what people read: the LookML views,
the pages of docs/analytics, the delivery API, the console. What never lives here: a word about a
column.
"""
