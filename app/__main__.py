"""`python -m app` is `sluice`."""

from app.cli.main import main

main()
