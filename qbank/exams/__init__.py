"""Exams as they are administered: what can be set, and the one way to write it.

What never lives here: what a night or a quiz does by the settings.
"""
