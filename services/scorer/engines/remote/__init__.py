"""The remote engine: another server holds the model; it is proved able to score before anything is trusted to it."""
