"""Who is to be told, within this process and between processes."""
