"""The kinds of input, one module each: what is drawn, the answer to each task, and how prompts name the task."""
