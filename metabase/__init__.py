"""Metabase content as code, and the importer that keeps a Metabase in step with it."""
