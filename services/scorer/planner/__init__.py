"""Which tokens are computed, once, and in which forward pass. Pure: token ids in, indices out; numpy alone.

``batches.plan_batches`` plans for the tree mode of the torch engine, ``groups.plan_groups`` for its prefix-cache mode.
"""
