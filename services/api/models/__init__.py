"""The route of models."""
