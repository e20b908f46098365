"""The worker: takes job ids from the queues and drives their searches."""
