"""One module a contender, run with ``python -m`` in its own environment; each speaks JSON lines (``serving``).

``padded`` and ``tree`` need numpy, torch and transformers, no more; ``lm_eval_hf`` and ``vllm_prompt`` their package.
"""
