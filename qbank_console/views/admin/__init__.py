"""Pages for administrators: they call the API."""
