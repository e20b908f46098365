"""The scorer: log-likelihoods of known outputs under prompts, and generation with the same model."""
