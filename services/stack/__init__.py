"""The embedded stack (``python -m services.stack``): Redis, scorer, API and workers as children of one process."""
