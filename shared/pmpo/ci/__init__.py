"""Prompts kept like code: what a repository's ``pmpo.toml`` asks for, its ``pmpo.lock``, and how the two compare."""
