"""The batcher: requests of many jobs in, rounds of one engine out, and an answer for every request.

Life of a request: it joins the line of its job (``queue``); scoring rounds are filled from all lines in turn, one while
the other runs (``scoring``); sampled answers are drawn in a batch that rows join and leave at every token
(``sampling``); both take turns on the engine's thread (``engine_room``), led by one loop (``batcher``). A request whose
caller has gone is dropped before it costs; when the engine fails, the loop finds the culprit or restarts the engine.
"""
