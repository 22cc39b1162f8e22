"""Attacks that were tried on a running service, each reproduced small."""
