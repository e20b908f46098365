"""Engines: what turns token ids into log-likelihoods."""
