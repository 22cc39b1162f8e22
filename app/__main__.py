"""`sluice`, and `python -m app`: signals first, then the command, with all that it imports."""

import importlib
import sys

from app.cli.early_stop import handle_signals


def main() -> None:
    handle_signals(sys.argv[1:])
    importlib.import_module("app.cli.main").main()


if __name__ == "__main__":
    main()
