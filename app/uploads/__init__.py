"""What an upload needs beside being stored: a place, an Idempotency-Key, its target's fields, and a clean end."""
