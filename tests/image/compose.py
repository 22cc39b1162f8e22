"""The README's compose commands as written, a killed and a frozen worker, a restarted PostgreSQL, down and up."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from tests.image.engine import Engine, require, wait_until

PROJECT = "sluice-image-check"
UP = "docker compose up --detach --wait"
FREEZE = "import os, signal; os.kill({pid}, signal.SIGSTOP)"
ROWS = 3_000


def readme_commands(folder: Path) -> tuple[str, str]:
    """The two blocks of commands of the section: to run it, and to change and end it."""
    text = (folder / "README.md").read_text(encoding="utf-8").partition("## Run it with Docker Compose")[2]
    first, second = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)[:2]
    return first, second


@contextmanager
def project(engine: Engine) -> Iterator[None]:
    """A project of a name and a port of its own, taken down at the end with its volumes."""
    first, _ = readme_commands(engine.folder)
    make_env = first.splitlines()[0]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine.shell(make_env)
    with (engine.folder / ".env").open("a") as env:
        env.write(f"COMPOSE_PROJECT_NAME={PROJECT}\nSLUICE_PORT={port}\n")
    try:
        yield
    finally:
        engine.run("compose", "down", "--volumes", "--remove-orphans", check=False)


def check_compose(engine: Engine) -> None:
    """Errors: Failed."""
    before = set(engine.said("volume", "ls", "--quiet").split())
    with project(engine):
        first, second = readme_commands(engine.folder)
        ran = engine.shell(f"set +e\n{first}", check=False)
        print(f"    {(ran.stdout + ran.stderr).strip()[-1500:]}".replace("\n", "\n    "))
        require(
            "imported" in ran.stdout and ran.returncode == 0,
            "the README's commands run as written, from up to the import's end",
        )
        check_what_runs(engine)
        key = engine.said(
            *exec_(), "sluice", "keys", "create", "--client", "check", "--scope", "submit", "--scope", "read"
        )
        check_trouble(engine, key)
        check_frozen_worker(engine)
        scale, health, down = second.splitlines()
        engine.shell(scale)
        require(len(containers(engine, "worker")) == 3, "--scale worker=3 makes three")
        require("answers." in engine.shell(health).stdout, "sluice health says that the API answers")
        check_down_and_up(engine, key, down, before)
    left = set(engine.said("volume", "ls", "--quiet").split()) - before
    require(left == set(), "nothing is left behind at the end")


def exec_(service: str = "api", *, key: str = "") -> list[str]:
    return ["compose", "exec", "-T", *(["--env", f"SLUICE_API_KEY={key}"] if key else []), service]


def containers(engine: Engine, service: str) -> list[str]:
    return engine.said("compose", "ps", "--quiet", service).split()


def health_of(engine: Engine, container: str) -> str:
    return str(engine.inspect(container)["State"].get("Health", {}).get("Status"))


def check_what_runs(engine: Engine) -> None:
    ids = {name: containers(engine, name) for name in ("postgres", "api", "worker", "simulator")}
    require([len(ids[name]) for name in ids] == [1, 1, 2, 1], "one API, two workers, PostgreSQL and the simulator run")
    for name in ("api", "worker", "simulator"):
        for one in ids[name]:
            found = engine.inspect(one)
            require(
                found["State"]["Health"]["Status"] == "healthy"
                and found["HostConfig"]["ReadonlyRootfs"]
                and found["Config"]["User"] == "10001:10001"
                and found["HostConfig"]["CapDrop"] == ["ALL"],
                f"{name}: healthy, read-only, as its user, without capabilities",
            )
    require(len({engine.inspect(one)["Image"] for name in ("api", "worker") for one in ids[name]}) == 1, "of one image")
    usage = engine.said("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}", *chain(*ids.values()))
    print("  memory when idle:\n    " + usage.replace("\n", "\n    "))
    again = engine.shell(f"{UP} 2>&1").stdout
    require("Recreate" not in again, "a second up recreates nothing")


def submit(engine: Engine, key: str, rows: int = ROWS) -> int:
    """The id of a new import of so many rows."""
    content = "email,firstName\n" + "".join(f"person{n}@example.com,P{n}\n" for n in range(rows))
    (engine.folder / "docs/samples/many.csv").write_text(content)
    answer = engine.said(*exec_(key=key), "sluice", "submit", "/samples/many.csv", "--json")
    return int(json.loads(answer)["id"])


def read_import(engine: Engine, key: str, number: int) -> dict:
    ran = engine.run(*exec_(key=key), "sluice", "status", str(number), "--json", check=False)
    try:
        return dict(json.loads(ran.stdout))
    except ValueError:  # the database is away
        return {}


def ends_well(engine: Engine, key: str, number: int, what: str) -> None:
    wait_until(
        lambda: read_import(engine, key, number).get("status") == "complete", f"{what}: the import ends", seconds=240
    )
    counts = read_import(engine, key, number)["rows"]
    require(counts["imported"] == ROWS, f"{what}: all {ROWS} rows of an import under way arrive")


def check_trouble(engine: Engine, key: str) -> None:
    number = submit(engine, key)
    victim = containers(engine, "worker")[0]
    engine.run("kill", victim)
    ends_well(engine, key, number, "a killed worker")
    engine.run("start", victim)
    number = submit(engine, key)
    engine.run("compose", "restart", "postgres")
    ends_well(engine, key, number, "a restarted PostgreSQL")
    took = wait_until(
        lambda: all(health_of(engine, one) == "healthy" for one in containers(engine, "worker")), "healthy"
    )
    print(f"  all workers healthy {took:.0f} s later")


def check_frozen_worker(engine: Engine) -> None:
    frozen = containers(engine, "worker")[0]
    top = engine.said("exec", frozen, "sluice", "health")
    pid = re.search(r"process (\d+)", top)
    assert pid
    engine.run("exec", frozen, "python", "-c", FREEZE.format(pid=pid[1]))
    took = wait_until(lambda: health_of(engine, frozen) == "unhealthy", "a frozen worker is unhealthy", seconds=240)
    require(True, f"a frozen worker is unhealthy, {took:.0f} s after it froze")
    engine.run("kill", frozen)
    engine.run("start", frozen)
    wait_until(lambda: health_of(engine, frozen) == "healthy", "it is healthy again")


def check_down_and_up(engine: Engine, key: str, down: str, before: set[str]) -> None:
    ids = [one for name in ("api", "worker") for one in containers(engine, name)]
    log = engine.shell("docker compose stop && docker compose logs --no-log-prefix api worker").stdout
    codes = [engine.inspect(one)["State"]["ExitCode"] for one in ids]
    require(set(codes) == {0} and log.count('"event": "stopped"') >= len(ids), f"all stop calmly: exit codes {codes}")
    engine.shell(down)
    volumes = set(engine.said("volume", "ls", "--quiet").split()) - before
    require(all(name.startswith(f"{PROJECT}_") for name in volumes), "down leaves no anonymous volume")
    engine.shell(UP)
    answer = json.loads(engine.said(*exec_(key=key), "sluice", "list", "--json"))
    imports = answer if isinstance(answer, list) else answer["items"]
    require(
        {one["status"] for one in imports} == {"complete"} and len(imports) >= 3,
        f"after down and up the {len(imports)} imports and the key are still there",
    )
