"""Signals and notifications, within a process and between processes."""
