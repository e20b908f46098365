"""What runs in the environment of the packages of others: one trial a process (``packaged.py`` starts it)."""
