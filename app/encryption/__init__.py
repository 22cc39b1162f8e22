"""Data at rest: the keys that are configured, and how content is sealed by them. Knows nothing of the database."""
