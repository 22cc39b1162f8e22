"""`sluice webhooks` against a running service."""

import json

from tests.cli.conftest import Run
from tests.support.processes import Service

URL = "https://192.0.2.1/hook"


def test_a_webhook_is_made_shown_changed_tried_and_removed(sluice: Run, served: Service):
    """Each in a sentence; the secret alone on standard output."""
    made = sluice("webhooks", "add", URL, "--description", "a [test]", URL=served.url)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("whsec_")
    listed = json.loads(sluice("webhooks", "list", "--json", URL=served.url).stdout)
    webhook = listed[-1]
    number = webhook["id"]
    assert (webhook["url"], webhook["events"]) == (URL, ["import.finished", "import.attention"])
    for words, said in (
        (("disable", number), f"Webhook {number} is off."),
        (("enable", number), f"Webhook {number} is on."),
        (("change", number, "--event", "instance.state"), f"Webhook {number} is changed."),
    ):
        found = sluice("webhooks", *words, URL=served.url)
        assert (found.returncode, found.stdout.strip()) == (0, said), found.stderr
    table = sluice("webhooks", "list", URL=served.url).stdout
    assert "a [test]" in table
    assert "instance.state" in table
    assert sluice("webhooks", "secret", number, URL=served.url).stdout.startswith("whsec_")
    assert "is on its way" in sluice("webhooks", "test", number, URL=served.url).stdout
    shown = json.loads(sluice("webhooks", "deliveries", number, "--json", URL=served.url).stdout)
    events = [delivery["event"] for delivery in shown]  # it may have heard of another test's import before
    assert events.count("webhook.test") == 1
    assert "webhook.test" in sluice("webhooks", "deliveries", number, URL=served.url).stdout
    assert sluice("webhooks", "redeliver", number, 99999, URL=served.url).returncode == 1
    assert sluice("webhooks", "remove", number, URL=served.url).returncode == 0
    gone = sluice("webhooks", "remove", number, URL=served.url)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert f"There is no webhook {number}." in gone.stderr


def test_a_url_that_cannot_be_is_told_in_a_sentence(sluice: Run, served: Service):
    """Exit code 1 and nothing on standard output; a change of nothing is bad usage."""
    refused = sluice("webhooks", "add", "http://127.0.0.1/", URL=served.url)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "https://" in refused.stderr
    assert sluice("webhooks", "change", 1, URL=served.url).returncode == 2
