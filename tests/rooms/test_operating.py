"""What operators are given to watch with: it says what the service says, in words that their tools understand."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from app.simulator import Fault
from tests.story.files import LEADS, LEADS_WITH_TROUBLE
from tests.support.fixtures import stage
from tests.support.stage import Stage

__all__ = ["stage"]
OPERATING = Path(__file__).parents[2] / "docs" / "operating"
PAGE = OPERATING.parent / "operating.md"
RULES = [rule for group in yaml.safe_load((OPERATING / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((OPERATING / "dashboard.json").read_text())
# What Grafana puts in place of its variables
VARIABLES = {"$__rate_interval": "5m", "$marketo_instance": ".+"}
OF_THE_TARGET = {"job", "instance"}
RESERVED = re.compile(r"_(sum|count|bucket|info|total)$")
UNIT = re.compile(r"_(milliseconds|minutes|hours|days|kilobytes|megabytes|mb|ms|percent)(_|$)")


async def scraped(stage: Stage) -> list[Metric]:
    """A scrape after all kinds of answers, held to the text format."""
    await stage.created(LEADS_WITH_TROUBLE)
    await stage.created(LEADS)
    stage.simulator.order(Fault("lost_response"))
    stage.simulator.order(Fault("json_error:606", on="status"))
    await stage.run(seconds=60)
    answer = await stage.api.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return list(text_string_to_metric_families(answer.text))


async def samples(stage: Stage) -> dict[str, list[dict[str, str]]]:
    """The name of every sample that a scrape has, with the labels of each."""
    found: dict[str, list[dict[str, str]]] = {}
    for metric in await scraped(stage):
        found.setdefault(metric.name, [])
        for sample in metric.samples:
            found.setdefault(sample.name, []).append(dict(sample.labels))
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """(whose it is, PromQL) of every alert and every panel."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            yield panel["title"], expression


def parts_of(expression: Any) -> Iterator[Any]:
    """The nodes of a parsed expression."""
    yield expression
    for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs"):
        if (inner := getattr(expression, name, None)) is not None and isinstance(inner, promql.Expr):
            yield from parts_of(inner)
    for inner in getattr(expression, "args", None) or ():
        yield from parts_of(inner)


async def test_the_scrape_keeps_to_what_prometheus_recommends(stage: Stage):
    """One prefix, base units, `_total` on counters and on nothing else, no label that Prometheus itself sets."""
    found = await scraped(stage)
    names = [metric.name for metric in found]
    assert len(names) == len(set(names)) > 25
    for metric in found:
        assert re.fullmatch(r"sluice_[a-z]+(_[a-z]+)*", metric.name), metric.name
        assert metric.documentation.endswith("."), metric.name
        assert not UNIT.search(metric.name), metric.name
        assert metric.type in {"gauge", "counter", "histogram"}, metric.name
        if metric.type == "counter":
            assert {sample.name for sample in metric.samples} <= {f"{metric.name}_total"}
        elif metric.name != "sluice_build_info":
            assert not RESERVED.search(metric.name), metric.name
        for sample in metric.samples:
            assert not sample.labels.keys() & OF_THE_TARGET, sample
            assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", label) for label in sample.labels)


async def test_the_scrape_is_openmetrics_too(stage: Stage):
    """Its parser is the stricter one: units, suffixes, buckets that add up."""
    found = await scraped(stage)

    class Given(Collector):
        def collect(self) -> list[Metric]:
            return [metric for metric in found if metric.name != "sluice_build_info"]

    registry = CollectorRegistry()
    registry.register(Given())
    read = list(read_openmetrics(openmetrics.generate_latest(registry).decode()))
    assert len(read) == len(found) - 1


async def test_labels_have_few_values_whatever_callers_and_marketo_say(stage: Stage):
    """A code that nobody knows is `other`; no file, client or import is a label."""
    stage.simulator.order(Fault("json_error:9999"))
    stage.simulator.order(Fault("json_error:8888"))
    for _ in range(2):
        await stage.created(LEADS, label="one-of-many")
        await stage.run(seconds=60)
    found = await samples(stage)
    known = {"marketo_instance", "status", "state", "period", "tick", "outcome", "move", "call", "code", "le"}
    assert {label for listed in found.values() for labels in listed for label in labels} == known | {"version"}
    codes = {labels["code"] for labels in found["sluice_marketo_answers_total"]}
    assert codes == {"200", "other", "none", "606"}
    assert sum(len(listed) for listed in found.values()) < 150


async def test_counters_are_there_from_the_start_so_that_the_first_of_anything_is_an_increase(stage: Stage):
    """Prometheus sees no rise in a series that begins with 1."""
    told = (await stage.api.get("/metrics")).text
    assert 'sluice_imports_finished_total{marketo_instance="default",status="failed"} 0.0' in told
    assert 'sluice_rows_total{marketo_instance="default",outcome="failed"} 0.0' in told
    assert 'sluice_parts_unconfirmed_total{marketo_instance="default"} 0.0' in told
    assert 'sluice_import_waiting_seconds_count{marketo_instance="default"} 0.0' in told


async def test_every_alert_and_panel_asks_for_what_there_is(stage: Stage):
    """By the name of the sample and by its labels; what only the other database has is a known name at least."""
    found = await samples(stage)
    asked = set()
    for whose, expression in expressions():
        for node in parts_of(promql.parse(expression)):
            if not isinstance(node, promql.VectorSelector):
                continue
            asked.add(node.name)
            assert node.name in found, f"{whose}: {node.name}"
            labels = {label for listed in found[node.name] for label in listed}
            for matcher in node.matchers.matchers:
                if not found[node.name]:
                    continue
                assert matcher.name in labels, f"{whose}: {node.name} has no label {matcher.name}"
                values = {one[matcher.name] for one in found[node.name]}
                if matcher.op == promql.MatchOp.Equal:
                    assert matcher.value in values, f"{whose}: {matcher.name}={matcher.value}"
    everything = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in asked}
    shown = {m.removesuffix("_total") for m in everything}
    assert {name for name in (one.name for one in await scraped(stage)) if name not in shown} == set()


def test_every_alert_says_what_to_do_and_where_it_is_told_at_length():
    """And the page tells of no other."""
    heads = set(re.findall(r"^#### (Sluice\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert heads == {rule["alert"] for rule in RULES}
    for rule in RULES:
        told = rule["annotations"]
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert told["summary"].endswith(".")
        assert told["description"].endswith(".")
        assert told["runbook"] == f"docs/operating.md#{rule['alert'].lower()}"


def test_the_dashboard_has_a_place_for_each_panel_and_a_source_for_each_target():
    """Nothing overlaps, ids are given once, and nothing names a data source of somebody's own."""
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        places = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not places & taken, panel["title"]
        assert max(x for x, _ in places) < 24
        taken |= places
        for target in panel.get("targets", ()):
            assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "marketo_instance"}


@pytest.mark.parametrize("bad", ["sum(rate(sluice_rows_total[5m])", "max by () sluice_parts >", "rate(x[5q])"])
def test_the_parser_that_checks_them_is_not_content_with_anything(bad: str):
    with pytest.raises(ValueError, match=r".+"):
        promql.parse(bad)
