"""The project's pages, and the command that writes their generated sections."""
