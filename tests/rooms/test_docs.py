"""The pages say what the code says, lead somewhere, and give nothing away."""

import json
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest

from app.domain import lifecycle
from app.settings import InstanceSettings, Settings
from docs import generate

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
# Spelled in pieces, or this file would name them itself.
FORBIDDEN = {
    "a package registry's host": re.compile(
        "|".join([r"\bpypi\." + "org", r"pythonhosted\." + "org", r"registry\.npm" + r"js\.", r"deb\.debian\." + "org"])
    ),
    "a folder beside the repository": re.compile(r"\.\./" + "shared"),
    "a path of somebody's machine": re.compile(r"(?<![\w.])/(work|home|Users|tmp)" + r"/[\w.-]+/"),
}


def tracked() -> list[Path]:
    """Every file that git knows and that is there; all files of the tree where there is no git."""
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = found.stdout.split("\0") if found.returncode == 0 else [str(p.relative_to(ROOT)) for p in pages()]
    return [path for name in names if name and (path := ROOT / name).is_file()]


def pages() -> list[Path]:
    own = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    assert len(own) > 10
    return sorted(own)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors that a page's headings make, as code hosts spell them."""
    heads = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_the_generated_pages_equal_their_source() -> None:
    assert [path.name for path, _ in generate.stale()] == [], "run `make docs`"


def test_every_generated_section_is_on_some_page() -> None:
    everything = "".join(path.read_text(encoding="utf-8") for path in pages())
    assert [name for name in generate.SECTIONS if f"<!-- generated: {name} -->" not in everything] == []


def test_a_stale_page_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "old.md").write_text(
        "# Old\n<!-- generated: settings -->\nlong ago\n<!-- end: settings -->\nby hand\n", encoding="utf-8"
    )
    monkeypatch.setattr(generate, "DOCS", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "docs/old.md is stale" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    renewed = (tmp_path / "old.md").read_text(encoding="utf-8")
    assert "SLUICE_TICK_SECONDS" in renewed
    assert "long ago" not in renewed
    assert renewed.startswith("# Old\n")
    assert renewed.endswith("by hand\n")


def test_every_setting_is_in_the_operating_page() -> None:
    told = page("operating.md")
    names = [f"`SLUICE_{name.upper()}`" for name in Settings.model_fields if name != "instances"]
    names += [f"`SLUICE_INSTANCES__<NAME>__{name.upper()}`" for name in InstanceSettings.model_fields]
    assert [name for name in names if name not in told] == []


def test_every_setting_says_what_it_is_for() -> None:
    fields = {**Settings.model_fields, **InstanceSettings.model_fields}
    assert [name for name, field in fields.items() if not field.description] == []


def test_every_state_and_move_is_in_the_lifecycle_page() -> None:
    told = page("lifecycle.md")
    assert [state for state in lifecycle.PartState if f"| `{state}` |" not in told] == []
    assert [move for move in lifecycle.Move if f"| `{move}` |" not in told] == []


def test_every_edge_is_in_the_picture() -> None:
    told = page("lifecycle.md")
    edges = [f"{source} --> {edge.target}: {move}" for move, edge in lifecycle.TABLE.items() for source in edge.sources]
    assert [edge for edge in edges if edge not in told] == []


def test_every_relative_link_leads_somewhere() -> None:
    broken = []
    for path in pages():
        for target in (match["target"] for match in LINK.finditer(prose(path))):
            if re.match(r"[a-z][a-z+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            goal = (path.parent / unquote(name)).resolve() if name else path
            if not goal.exists() or (anchor and anchor not in anchors(goal)):
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_every_rule_that_must_hold_has_a_test_of_its_name() -> None:
    rules = re.findall(r"^\| ([A-Z_]{4,}) \|", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(rules) > 9
    assert [rule for rule in rules if f"def test_{rule}_" not in tests] == []


def test_the_house_of_contributing_has_every_room_every_step_and_every_file_between_the_rooms() -> None:
    house = page("../CONTRIBUTING.md").partition("## The house")[2].partition("\n## ")[0]
    rooms = {path.parent.name for path in (ROOT / "app").glob("*/__init__.py")}
    assert {room for room in rooms if f"`app/{room}/`" not in house} == set()
    (pipeline,) = re.findall(r"^\| `app/pipeline/` \|.*$", house, re.MULTILINE)
    assert stems("app/pipeline") <= set(re.findall(r"\w+", pipeline))
    assert stems("app") <= set(re.findall(r"(\w+)\.py\b", house))


def test_the_life_of_a_file_is_six_files_none_over_150_lines() -> None:
    steps = {path.stem: len(path.read_text().splitlines()) for path in (ROOT / "app" / "pipeline").glob("[!_]*.py")}
    assert steps.keys() == {"intake", "schedule", "submit", "poll", "collect", "finish"}
    assert max(steps.values()) <= 150


def stems(folder: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob("[!_]*.py")}


def test_every_decision_is_in_its_index() -> None:
    index = page("decisions/README.md")
    decisions = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    assert [path.name for path in decisions if f"({path.name})" not in index] == []


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_tracked_file_names(what: str) -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in FORBIDDEN[what].finditer(text)]
    assert found == []


def test_the_lock_files_hold_hashes_and_no_addresses() -> None:
    clients = sorted((ROOT / "tests" / "clients").glob("*.lock"))
    assert len(clients) == 3
    browser = ROOT / "tests" / "browser" / "browser.lock"
    deploy = ROOT / "tests" / "deploy" / "deploy.lock"
    for path in (*ROOT.glob("requirements*.lock"), browser, deploy, *clients):
        text = path.read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert [line for line in text.splitlines() if "://" in line or "index-url" in line] == []
    text = (ROOT / "tests/clients/typescript/package-lock.json").read_text(encoding="utf-8")
    assert "://" not in text, "npm writes whom one may pay: take each `funding` out"
    for name, package in json.loads(text)["packages"].items():
        assert "resolved" not in package, name
        assert name == "" or package["integrity"].startswith("sha512-"), name


def test_all_addresses_in_the_samples_are_made_up() -> None:
    for path in (ROOT / "docs" / "samples").iterdir():
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"@([\w-]+\.[a-z]+)", text)) <= {"example.com"}, path.name
