"""What is in deploy/ names what there is: commands, settings, ports, paths, and each other."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from app.api.app import routed
from app.settings import Settings, exactly
from tests.deploy.manifests import KINDS, KUBERNETES, SYSTEMD, kustomization, objects, of_kind, pods, settings, unit
from tests.rooms.test_deployment import sluice

SHUTDOWN_SECONDS = 30  # the default of SLUICE_SHUTDOWN_SECONDS
UNITS = sorted(SYSTEMD.glob("*.service"))
EVERY_KIND = pytest.mark.parametrize("folder", [KUBERNETES / kind for kind in KINDS], ids=KINDS)
EVERY_UNIT = pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)


def is_command(words: list[str]) -> bool:
    """Of `sluice`, with options that it has."""
    answer = sluice(words[0], "--help")
    assert answer.returncode == 0, words
    return all(word in answer.stdout for word in words if word.startswith("--"))


def is_setting(name: str) -> bool:
    field = name.removeprefix("SLUICE_").lower()
    return name == "SLUICE_SECRETS_DIR" or field in Settings.model_fields or field.startswith("instances__")


@EVERY_KIND
def test_every_file_belongs_to_something_that_kustomize_builds(folder: Path) -> None:
    """Whatever lies there and is not named is not applied."""
    for place in (folder, KUBERNETES / "common"):
        named = {name for name in kustomization(place)["resources"] if not name.startswith("..")}
        assert {path.name for path in place.glob("*.yaml")} == named | {"kustomization.yaml"}
    assert all({"apiVersion", "kind", "metadata"} <= each.keys() for each in objects(folder))


@EVERY_KIND
def test_its_settings_are_settings_and_none_of_them_is_a_secret(folder: Path) -> None:
    """What is in a variable goes before the secrets directory: none names a database with a password, or a client."""
    assert all(is_setting(name) for name in settings(folder))
    assert not any("postgresql" in value or "CLIENT" in name for name, value in settings(folder).items())
    exactly(**{name.removeprefix("SLUICE_").lower(): value for name, value in settings(folder).items()
               if name != "SLUICE_SECRETS_DIR"})  # fmt: skip


@EVERY_KIND
def test_every_container_runs_a_command_that_there_is_and_may_do_as_little_as_it_needs(folder: Path) -> None:
    for name, pod in pods(folder).items():
        spec = pod["spec"]
        (container,) = spec["containers"]
        assert "command" not in container, "the image's entry point blocks signals until they are heeded"
        assert is_command(container["args"]), name
        assert container["image"] == "sluice"
        assert spec["enableServiceLinks"] is spec["automountServiceAccountToken"] is False
        assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["runAsUser"]) == (True, 10001)
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert "memory" in container["resources"]["limits"]


@EVERY_KIND
def test_what_is_mounted_is_a_volume_and_the_secrets_are_where_they_are_looked_for(folder: Path) -> None:
    for pod in pods(folder).values():
        (container,) = pod["spec"]["containers"]
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert mounted.keys() == {volume["name"] for volume in pod["spec"]["volumes"]}
        assert mounted["secrets"] == settings(folder)["SLUICE_SECRETS_DIR"]
        for variable in container.get("env", []):
            assert variable["name"] == "TMPDIR"
            assert variable["value"] in mounted.values()
        claimed = [each["persistentVolumeClaim"]["claimName"] for each in pod["spec"]["volumes"]
                   if "persistentVolumeClaim" in each]  # fmt: skip
        assert set(claimed) == of_kind("PersistentVolumeClaim", folder).keys()


def probes(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: value for name, value in container.items() if name.endswith("Probe")}


@EVERY_KIND
def test_probes_ask_what_answers(folder: Path) -> None:
    """A path that there is, at a port that is served; or `sluice health`, which needs /tmp, or what TMPDIR names."""
    paths = {getattr(route, "path", None) for route in routed(exactly()).routes}
    for name, pod in pods(folder).items():
        (container,) = pod["spec"]["containers"]
        ports = {each["name"]: each["containerPort"] for each in container.get("ports", [])}
        if ports:
            assert str(ports["http"]) == container["args"][container["args"].index("--port") + 1]
        for probe in probes(container).values():
            if "httpGet" in probe:
                assert probe["httpGet"]["path"] in paths
                assert probe["httpGet"]["port"] in ports
            else:
                assert probe["exec"]["command"][0] == "sluice"
                assert is_command(probe["exec"]["command"][1:])
        asked = {"startupProbe", "livenessProbe"} | ({"readinessProbe"} if ports else set())
        assert probes(container).keys() == (set() if name == "sluice-migrate" else asked)


@EVERY_KIND
def test_a_stop_has_more_time_than_the_service_takes(folder: Path) -> None:
    for name in of_kind("Deployment", folder):
        spec = pods(folder)[name]["spec"]
        before = spec["containers"][0].get("lifecycle", {}).get("preStop", {"exec": {"command": ["sleep", "0"]}})
        waits = float(before["exec"]["command"][1])
        assert spec["terminationGracePeriodSeconds"] > waits + SHUTDOWN_SECONDS


@EVERY_KIND
def test_whatever_selects_pods_finds_some(folder: Path) -> None:
    """Services, budgets of disruption and policies of the network; and what is selected has the port."""
    labels = [pod["metadata"]["labels"] for pod in pods(folder).values()]

    def finds(wanted: dict[str, str]) -> bool:
        return any(wanted.items() <= each.items() for each in labels)

    for service in of_kind("Service", folder).values():
        assert finds(service["spec"]["selector"])
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
    for budget in of_kind("PodDisruptionBudget", folder).values():
        assert finds(budget["spec"]["selector"]["matchLabels"])
    for name, deployment in of_kind("Deployment", folder).items():
        selected = deployment["spec"]["selector"]["matchLabels"]
        assert selected == pods(folder)[name]["metadata"]["labels"]
    for policy in of_kind("NetworkPolicy", folder).values():
        selector = policy["spec"]["podSelector"]
        assert finds(selector.get("matchLabels", {}))
        for rule in selector.get("matchExpressions", []):
            assert any(each[rule["key"]] in rule["values"] for each in labels)


def test_api_and_workers_are_apart_and_survive_a_node_and_sqlite_has_one_pod() -> None:
    several, one = of_kind("Deployment", KUBERNETES / "postgresql"), of_kind("Deployment", KUBERNETES / "sqlite")
    assert {name: each["spec"]["replicas"] for name, each in several.items()} == {"sluice-api": 2, "sluice-worker": 2}
    assert of_kind("PodDisruptionBudget", KUBERNETES / "postgresql").keys() == several.keys()
    (alone,) = one.values()
    assert (alone["spec"]["replicas"], alone["spec"]["strategy"]) == (1, {"type": "Recreate"})
    assert settings(KUBERNETES / "sqlite")["SLUICE_DATABASE_URL"] == "sqlite:////data/sluice.db"


@EVERY_UNIT
def test_a_unit_runs_a_command_that_there_is_with_settings_that_there_are(path: Path) -> None:
    values = unit(path)
    (command,) = values["ExecStart"]
    program, *words = shlex.split(command)
    assert program == "/opt/sluice/bin/sluice"
    assert is_command(words)
    named = [value.partition("=")[0] for value in values["Environment"]]
    assert all(is_setting(name) or name == "TMPDIR" for name in named)
    if values["Type"] != ["oneshot"]:
        assert int(values["TimeoutStopSec"][0]) > SHUTDOWN_SECONDS
        assert values["Restart"] == ["always"]


def test_the_units_may_do_the_same_and_no_more() -> None:
    """One that differs was forgotten when the others were changed."""
    own = {"Type", "ExecStart", "Restart", "RestartSec", "TimeoutStopSec", "TimeoutStartSec", "RemainAfterExit"}
    shared = [{key: value for key, value in unit(path).items() if key not in own} for path in UNITS]
    database = "SLUICE_DATABASE_URL=sqlite:////var/lib/sluice/sluice.db"
    for values in shared:
        values["Environment"] = [value for value in values["Environment"] if value != database]
    assert all(values == shared[0] for values in shared)
    assert {"NoNewPrivileges", "ProtectSystem", "PrivateTmp", "CapabilityBoundingSet"} <= shared[0].keys()
    assert all(re.fullmatch(r"\w+", value) for value in shared[0]["User"])


def test_the_operating_page_leads_to_all_of_it() -> None:
    page = (SYSTEMD.parents[1] / "docs" / "operating.md").read_text(encoding="utf-8")
    for path in [*UNITS, *(KUBERNETES / kind for kind in KINDS)]:
        assert path.name.removesuffix(".service") in page, path
    assert "securityContext" not in page, "what deploy/ has is there, and nowhere else"


def test_the_commands_of_the_operating_page_name_what_there_is() -> None:
    """Objects, by their kinds and names; units; and the files of the secrets."""
    page = (SYSTEMD.parents[1] / "docs" / "operating.md").read_text(encoding="utf-8")
    folder = KUBERNETES / "postgresql"
    (job,), deployment = of_kind("Job", folder), re.findall(r"exec deployment/(\S+)", page)
    assert f"job/{job}" in page
    assert f"delete job {job}" in page
    assert set(deployment) <= of_kind("Deployment", folder).keys()
    secrets = re.findall(r"--from-file=(\S+)", page)
    assert len(secrets) == 3
    assert all(is_setting(name) for name in secrets)
    asked = re.findall(r"^systemctl enable --now (.+)$", page, re.MULTILINE)
    assert {re.sub(r"@\w+", "@", name) for name in asked[0].split()} < {path.name for path in UNITS}
