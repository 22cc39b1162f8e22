"""The image as one container on SQLite: read-only, as its user, stopped calmly at any moment."""

import json
import time
from datetime import UTC, datetime

from tests.image.build import IMAGE
from tests.image.engine import Engine, require, wait_until

NAME = "sluice-image-check"
MOMENTS = (0.0, 0.1, 0.3, 0.6, 1.0, 2.0)  # seconds after its start
MARKETO = ("BASE_URL=https://marketo.example.com", "CLIENT_ID=id", "CLIENT_SECRET=hush")


def check_one_container(engine: Engine) -> None:
    """Errors: Failed."""
    engine.run("volume", "create", NAME)
    try:
        _check_that_it_serves(engine)
        for is_init in (False, True):
            for seconds in MOMENTS:
                _check_stop(engine, after_seconds=seconds, is_init=is_init)
    finally:
        engine.run("rm", "--force", "--volumes", NAME, check=False)
        engine.run("volume", "rm", NAME, check=False)


def start(engine: Engine, *, is_init: bool = False) -> None:
    settings = [f"--env=SLUICE_INSTANCES__DEFAULT__{one}" for one in MARKETO]
    engine.run(
        *("run", "--detach", "--name", NAME, "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
        *("--security-opt", "no-new-privileges", "--stop-timeout", "45", "--volume", f"{NAME}:/data"),
        *(["--init"] if is_init else []),
        *("--health-interval", "1s", *settings, IMAGE),
    )


def stopped(engine: Engine) -> tuple[int, float]:
    """(its exit code, how many seconds its stop took)."""
    begun = time.monotonic()
    engine.run("stop", NAME)
    took = time.monotonic() - begun
    return int(engine.inspect(NAME)["State"]["ExitCode"]), took


def _check_that_it_serves(engine: Engine) -> None:
    start(engine)
    took = wait_until(lambda: _state(engine).get("Health", {}).get("Status") == "healthy", "it is healthy")
    print(f"  from an empty volume to serving: {_start_seconds(engine):.2f} s; seen to be healthy after {took:.1f} s")
    key = engine.said("exec", NAME, "sluice", "keys", "create", "--client", "check", "--scope", "read")
    require(key.startswith("slc_"), "a key is made while it runs")
    told = engine.run("exec", "--env", f"SLUICE_API_KEY={key}", NAME, "sluice", "status")
    require("default" in told.stdout, "with it, the API answers")
    owner = engine.said("exec", NAME, "stat", "-c", "%u %a", "/data/sluice.db")
    require(owner == "10001 600", "SQLite's file belongs to its user alone, in the volume")
    code, took = stopped(engine)
    require(code == 0 and '"stopped"' in engine.log(NAME), f"it stops calmly, within {took:.1f} s")
    engine.run("start", NAME)
    wait_until(lambda: engine.log(NAME).count('"event": "serving"') == 2, "it serves again")
    print(f"  from a start on that database to serving: {_start_seconds(engine):.2f} s")
    require("nobody has a key yet" not in engine.log(NAME).rpartition('"stopped"')[2], "the key is still there")
    engine.run("rm", "--force", NAME)


def _check_stop(engine: Engine, *, after_seconds: float, is_init: bool) -> None:
    start(engine, is_init=is_init)
    time.sleep(after_seconds)
    code, took = stopped(engine)
    said = engine.log(NAME)
    way = "with" if is_init else "without"
    require(
        code == 0 and took < 15 and "stopped" in said and "Traceback" not in said,
        f"stopped {after_seconds:g} s after its start, {way} --init: exit {code} after {took:.1f} s, and says so",
    )
    engine.run("rm", "--force", NAME)


def _state(engine: Engine) -> dict:
    return dict(engine.inspect(NAME)["State"])


def _start_seconds(engine: Engine) -> float:
    """From the container's last start to the line that says that it serves."""
    lines = [line for line in engine.log(NAME).splitlines() if '"event": "serving"' in line]
    begun = datetime.fromisoformat(_state(engine)["StartedAt"][:26].rstrip("Z")).replace(tzinfo=UTC)
    return (datetime.fromisoformat(json.loads(lines[-1])["timestamp"]) - begun).total_seconds()
