"""What people ask for: cancel, release, erase, retry, resolve, pause, API keys."""
