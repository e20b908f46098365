"""The routes of API keys, and the command that makes the first."""
