"""The protocols in which model servers tell what a prompt's tokens are worth: one module a protocol, no network."""
