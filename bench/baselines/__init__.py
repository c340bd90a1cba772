"""What the platform is compared with.

What never lives here: code that the platform uses.
"""
