"""Many workers, one process, a stepped clock: short random lives, each told anew by its seed.

`python -m tests.simulation --seed 4711` lives one again.
"""
