"""Stored data sets: what the API takes, keeps and tells of them."""
