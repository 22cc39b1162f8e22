"""What a change of an endpoint says, and what it leaves out."""

import pytest
from pydantic import ValidationError

from app.api.schemas.webhooks import WebhookChanges


def test_null_takes_a_description_away_and_is_nothing_elsewhere():
    """A generated client may send every field that it knows."""
    changes = WebhookChanges.model_validate({"url": None, "events": None, "enabled": None, "description": None})
    assert changes.given == {"description": None}
    assert WebhookChanges.model_validate({"enabled": False}).given == {"enabled": False}


def test_a_word_is_not_taken_for_yes_or_no():
    """Neither `no` nor `off` is guessed at."""
    with pytest.raises(ValidationError):
        WebhookChanges.model_validate({"enabled": "no"})
