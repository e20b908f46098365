"""Clearing away on demand."""
