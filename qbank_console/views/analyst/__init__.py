"""Pages for analysts: they read the marts."""
