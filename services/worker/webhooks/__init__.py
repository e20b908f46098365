"""Calls of webhooks: what is sent, how it is signed, and the connection that reaches allowed addresses alone."""
