"""The optimizer benchmark: whole runs, from the same vague prompt, at the same engine seconds."""
