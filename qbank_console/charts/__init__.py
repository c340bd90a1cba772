"""Charts, one module a subject: data frames in, Altair out.

What never lives here: queries, and colours without a meaning (``theme``).
"""
