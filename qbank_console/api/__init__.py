"""The delivery API as the console calls it: one module an area, on one client.

What never lives here: pages, and anything that the API should decide.
"""
