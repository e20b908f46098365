"""Deterministic fakes of the ports, for tests here and in projects that build on ``pmpo.optim``."""
