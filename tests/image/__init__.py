"""The image and the compose file, built and run by `make image-check`. It needs an engine; pytest runs none of it."""
