"""Export and import of all that a project has."""
