"""The load benchmark: light clients, the stack that they load, the figures."""
