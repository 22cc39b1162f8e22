"""When things run: the ticks of a worker, its leases, recovery, and maintenance of the database."""
