"""What people ask for: cancel, erase, retry, resolve, pause, API keys."""
