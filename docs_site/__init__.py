"""The site of the docs, for `mkdocs build`: pages that are made of code, links between files.

What never lives here: prose. It is in `docs/`, and reads where the repository is hosted, too.
"""
