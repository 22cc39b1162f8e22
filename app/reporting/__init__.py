"""What is told of the work: for the API, pages, metrics and those who watch."""
