"""The life of a file, step by step: intake, submit, poll, collect."""
