"""When: the ticks, the lease and the run of a worker."""
