"""The prompt registry: what the API takes, keeps and tells of prompts."""
