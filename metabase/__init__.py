"""Metabase content as code, and the importer that keeps a Metabase in step with it."""

from pathlib import Path

CONTENT_FOLDER = Path(__file__).parent / "content"
