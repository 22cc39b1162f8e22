"""Bytes into parts: streams in, streams out."""
