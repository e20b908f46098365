"""Scores and analyses while somebody waits."""
