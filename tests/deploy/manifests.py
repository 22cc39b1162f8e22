"""The files of `deploy/`, as they are read by what they are for."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
SYSTEMD = ROOT / "deploy" / "systemd"
KINDS = ("postgresql", "sqlite")  # ways to run Sluice in Kubernetes: each a folder that Kustomize builds


def kustomization(folder: Path) -> dict[str, Any]:
    parsed = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert isinstance(parsed, dict)
    return parsed


def objects(folder: Path) -> Iterator[dict[str, Any]]:
    """What Kustomize is given in a folder, and in those that it names."""
    for name in kustomization(folder)["resources"]:
        path = (folder / name).resolve()
        if path.is_dir():
            yield from objects(path)
        else:
            yield from yaml.safe_load_all(path.read_text(encoding="utf-8"))


def settings(folder: Path) -> dict[str, str]:
    """Those that a folder itself sets."""
    generated = kustomization(folder)["configMapGenerator"]
    return dict(literal.split("=", 1) for each in generated for literal in each["literals"])


def of_kind(kind: str, folder: Path) -> dict[str, dict[str, Any]]:
    """By their names."""
    return {each["metadata"]["name"]: each for each in objects(folder) if each["kind"] == kind}


def pods(folder: Path) -> dict[str, dict[str, Any]]:
    """The template of each pod, by the name of what makes it."""
    makers = of_kind("Deployment", folder) | of_kind("Job", folder)
    return {name: maker["spec"]["template"] for name, maker in makers.items()}


def unit(path: Path) -> dict[str, list[str]]:
    """The values of each key of a unit's [Service], in their order; a key may be given several times."""
    values: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = heading[1]
        elif line and not line.startswith("#"):
            key, sign, value = line.partition("=")
            assert sign, line
            if section == "Service":
                values.setdefault(key, []).append(value)
    return values
