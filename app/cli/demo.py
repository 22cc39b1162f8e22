"""`sluice demo`."""

import importlib


def demo() -> None:
    """Run the main job end to end: sample files through the service into a simulated Marketo.

    Example: sluice demo
    """
    importlib.import_module("app.cli.demo_run").run()
