"""Pages by role, one a module: ``page()`` draws it.

What never lives here: SQL (``marts``), HTTP (``api``), chart specifications (``charts``).
"""
