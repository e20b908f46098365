"""PMPO: prompts made better by measuring them."""

__version__ = "0.1.0"
