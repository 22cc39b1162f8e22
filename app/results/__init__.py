"""What collecting needs: Marketo's result files fetched, and their rows matched with the rows of the part."""
