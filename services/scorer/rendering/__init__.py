"""Rendering: prompts and examples as the token ids that the model sees."""
