"""Generation: sampled answers from the model that scores."""
