"""What the service costs, each measured by one command beside a baseline in the same run."""
