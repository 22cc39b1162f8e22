"""What attacks cost everybody else: `python -m benchmarks.hostile`, or `make bench b=hostile`."""
