"""vLLM in the scorer's own process: token ids in, log-likelihoods and samples out, one copy of the weights for both."""
