"""The importer that keeps a Metabase in step with the content in `metabase/content`."""
