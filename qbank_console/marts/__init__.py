"""Questions to the marts, one module a subject. Each names the tenant, and is remembered a while.

What never lives here: tables outside the schema ``analytics``, and how an answer is shown.
"""
