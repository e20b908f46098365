"""The report of a run, made from its events alone: the same for a replay, for part of a run, for any algorithm."""
