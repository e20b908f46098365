"""The job routes."""
