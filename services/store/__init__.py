"""Redis and only Redis: jobs, their journals and events, and the leases on them."""
