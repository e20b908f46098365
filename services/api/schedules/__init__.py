"""The schedule routes."""
