"""How the project's own small language model is made: data, tokenizer, training, evaluation, card."""
