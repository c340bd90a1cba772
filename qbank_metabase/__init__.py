"""The importer that keeps a Metabase in step with the content in `metabase/content`."""

from pathlib import Path

CONTENT_FOLDER = Path(__file__).resolve().parents[1] / "metabase" / "content"
