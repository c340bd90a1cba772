"""Assets. Each reads through ``qbank``, calls the engine and returns metadata."""
