"""Sluice: a durable queue in front of Marketo's Bulk Import."""
