"""`make deploy-check`: hold deploy/ against Kubernetes' own schemas, and against systemd. It says what was left out."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.deploy.manifests import KINDS, KUBERNETES, ROOT, SYSTEMD, objects

VERSIONS = ("1.29", "1.32", kubernetes_validate.latest_version())
BASE = "../sluice/deploy/kubernetes/postgresql"  # as the page's overlay names it
MOST_EXPOSED = 1.5  # of 10, as `systemd-analyze security` counts


def main() -> int:
    complaints = [*_kubernetes(), *_systemd()]
    for complaint in complaints:
        print(f"FAILED: {complaint}")
    return 1 if complaints else 0


def _kubernetes() -> Iterator[str]:
    for kind in KINDS:
        built = _built(kind)
        for version in VERSIONS:
            for each in built:
                try:
                    kubernetes_validate.validate(each, version, strict=True)
                except kubernetes_validate.ValidationError as wrong:
                    name = each["metadata"]["name"]
                    yield f"{kind}: {each['kind']} {name}, Kubernetes {version}: {wrong.message[:500]}"
        print(f"{kind}: {len(built)} objects are as Kubernetes {', '.join(VERSIONS)} has them")


def _built(kind: str) -> list[dict[str, Any]]:
    """What an overlay on it makes; without kubectl, the files as they are."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        print(f"LEFT OUT: {kind} was not built by Kustomize, for there is no kubectl")
        return list(objects(KUBERNETES / kind))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(KUBERNETES, folder / "kubernetes")
        overlay = folder / "overlay"
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(_overlay(kind), encoding="utf-8")
        built = list(yaml.safe_load_all(_said([kubectl, "kustomize", str(overlay)])))
    pods = [each["spec"]["template"]["spec"] for each in built if each["kind"] in {"Deployment", "Job"}]
    assert {each["image"] for pod in pods for each in pod["containers"]} == {"images.example.com/sluice:0.1.0"}
    assert {each["metadata"].get("namespace", "sluice") for each in built} == {"sluice"}
    return built


def _overlay(kind: str) -> str:
    """The one of the operating page, on this base."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(apiVersion: kustomize.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert BASE in example
    return str(example).replace(BASE, f"../kubernetes/{kind}")


def _systemd() -> Iterator[str]:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        print("LEFT OUT: the units of systemd were not looked at, for there is no systemd-analyze")
        return
    with tempfile.TemporaryDirectory() as temporary:
        for path in sorted(SYSTEMD.glob("*.service")):  # with a command that is there: verify looks for it
            text = path.read_text(encoding="utf-8").replace("/opt/sluice/bin/sluice", sys.executable)
            (Path(temporary) / path.name).write_text(text)
        units = sorted(map(str, Path(temporary).glob("*.service")))
        verified = subprocess.run([analyze, "verify", "--man=no", *units], capture_output=True, text=True, check=False)
        if verified.returncode or verified.stderr.strip():
            yield f"systemd-analyze verify: {verified.stderr.strip()}"
        for one in units:
            words = [analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", "--no-pager", one]
            judged = subprocess.run(words, capture_output=True, text=True, check=False)
            print(judged.stdout.strip().splitlines()[-1].removeprefix("→ "))
            if judged.returncode:
                yield f"{Path(one).name} is exposed to more than {MOST_EXPOSED}"


def _said(words: list[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


sys.exit(main())
