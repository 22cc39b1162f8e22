"""The image and the compose file, built and run by `make image-check`: it needs an engine, and pytest runs none of it."""
