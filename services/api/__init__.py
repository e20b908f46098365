"""The API: takes jobs, tells how they stand. The interface of products, CLI and dashboard."""
