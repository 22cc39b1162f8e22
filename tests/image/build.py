"""Builds the image from a copy of the checkout with stray files in it, and looks at what it is made of."""

import shutil
import subprocess
import time
from pathlib import Path

from tests.image.engine import Engine, Failed, require

ROOT = Path(__file__).parents[2]
BASES = ("python:3.11-slim", "postgres:18")
IMAGE = "sluice:local"  # as docker-compose.yml calls it
STRAY = (
    ".env",
    "app/.env",
    "app/sluice.db",
    "app/customers.csv",
    "docs/samples/customers.csv",
    "secrets/SLUICE_API_KEY",
)
MARK = "stray-and-secret"
ALLOWED = {"PATH", "PYTHONUNBUFFERED", "SLUICE_HOST"}  # of the environment; and what the base image brings
UNCOMPILED = """
import pathlib, sys
roots = [pathlib.Path(p) for p in sys.path if pathlib.Path(p).is_dir()]
found = [str(f) for root in roots for f in root.rglob('*.py')
         if not any(f.with_name('__pycache__').glob(f.stem + '.*.pyc')) and 'test' not in str(f)
         and not {'idlelib', 'lib2to3', 'turtledemo', 'tkinter'} & set(f.parts)]
print(*found[:5], len(found))
"""


def copy_checkout(folder: Path) -> None:
    """What git knows, as it lies here, and files that must not get into the image."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in STRAY:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"{MARK}\n")


def remove_stray(folder: Path) -> None:
    for name in STRAY:
        (folder / name).unlink()


def have_bases(engine: Engine, folder: Path) -> str:
    """Where the base images come from: here already, pulled, or made as stand-ins. Errors: Failed."""
    origins = []
    for image in BASES:
        if engine.run("image", "inspect", image, check=False).returncode == 0:
            origins.append(f"{image} was there")
        elif engine.run("pull", "--quiet", image, check=False, seconds=300).returncode == 0:
            origins.append(f"{image} pulled")
        else:
            script = ROOT / "tests" / "image" / "stand-ins.sh"
            made = subprocess.run(
                [str(script), str(folder), engine.command, image], capture_output=True, text=True, check=False
            )
            if made.returncode:
                raise Failed(f"{image} can be neither pulled nor stood in for: {made.stderr[-2000:]}")
            origins.append(f"{image} is a stand-in of Debian's packages")
    return ", ".join(origins)


def build(engine: Engine) -> None:
    """Errors: Failed."""
    begun = time.monotonic()
    engine.run("build", "--tag", IMAGE, ".", seconds=1800)
    print(f"  built in {time.monotonic() - begun:.0f} s")
    image = engine.inspect(IMAGE)
    layers = engine.said("history", "--format", "{{.Size}}  {{.CreatedBy}}", "--no-trunc", IMAGE).splitlines()
    print(f"  {image['Size'] / 1e6:.0f} MB in {len(image['RootFS']['Layers'])} layers, the last ones on top:")
    for line in layers:
        if not line.startswith("0B"):
            print(f"    {line[:100]}")
    config = image["Config"]
    base = {one.partition("=")[0] for one in engine.inspect(BASES[0])["Config"]["Env"] or ()}
    require({one.partition("=")[0] for one in config["Env"]} <= ALLOWED | base, "it sets nothing but where it listens")
    require(config["User"] == "10001:10001" and not config.get("Volumes"), "it runs as 10001, and has no volume")
    labels = {name for name in config["Labels"] or () if name.startswith("org.opencontainers.image.")}
    require(
        {f"org.opencontainers.image.{name}" for name in ("title", "version", "licenses")} <= labels, "it is labelled"
    )
    strays = run_in(engine, "sh", "-c", f"grep -rl {MARK} /opt/sluice /data /tmp 2>/dev/null || true")
    require(strays == "", f"no stray file is in it{strays}")
    tools = "pip", "hatchling", "ensurepip", "setuptools"
    found = f"import importlib.util as u; print([name for name in {tools} if u.find_spec(name)])"
    require(run_in(engine, "python", "-c", found) == "[]", "neither pip nor what builds Sluice is in it")
    uncompiled = run_in(engine, "python", "-c", UNCOMPILED)
    require(uncompiled == "0", f"every module is compiled; uncompiled: {uncompiled}")


def run_in(engine: Engine, *words: str) -> str:
    return engine.said("run", "--rm", "--read-only", "--entrypoint", words[0], IMAGE, *words[1:])
