"""Prompts as text: placeholders, units and masking, overlap, differences. Standard library only."""
