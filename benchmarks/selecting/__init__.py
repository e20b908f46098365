"""The selection benchmark: one recorded pool of rewrites for each job, and every policy picks from it."""
