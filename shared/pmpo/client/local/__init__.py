"""Jobs without services: the search in this process, a scorer as a process beside it, journals in a folder."""
