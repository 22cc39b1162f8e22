"""HTTP, and nothing else: how a request becomes a call of the service, and how its answer is written."""
