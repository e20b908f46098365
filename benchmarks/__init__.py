"""Benchmarks: what the ways of picking prompts cost and find, on the bundled model. Not part of any distribution."""
