"""Webhooks: what is told to the endpoints of others, and how it gets there."""
