"""What happens: one verb a file; read in the order of a part's life they are the life of a file."""
