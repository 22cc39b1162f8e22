"""A kill loop: real processes, killed, stopped and held up at random while files come in; then all is counted."""
