"""The filters of a list of imports, read from a query."""

import pytest

from app.domain.errors import BadParameter
from app.domain.imports import ImportStatus
from app.store.import_queries import Filters
from app.web.import_filters import NAMES, read_filters


def test_what_is_not_asked_for_narrows_nothing():
    assert read_filters({"page_size": "10"}) == Filters()


def test_every_filter_is_read_by_its_name():
    """Status and object type in either case; an instance's name in small letters, as the settings have it."""
    query = {
        "status": "QUEUED",
        "instance": "Default",
        "object_type": "LEAD",
        "client": "crm",
        "label": "a b",
        "file_name": "Lea",
    }
    query |= {"created_after": "2026-11-23T10:00:00+01:00", "created_before": "2026-11-24T00:00:00Z"}
    filters = read_filters(query | {"attention": "true"})
    assert set(NAMES) == set(query) | {"attention"}
    assert (filters.status, filters.instance, filters.object_type) == (ImportStatus.QUEUED, "default", "lead")
    assert (filters.client, filters.label, filters.attention, filters.file_name) == ("crm", "a b", True, "Lea")
    assert filters.created_after
    assert filters.created_after.isoformat() == "2026-11-23T09:00:00+00:00"


def test_every_mistake_is_told_at_once():
    with pytest.raises(BadParameter) as caught:
        read_filters({"status": "asleep", "attention": "perhaps", "created_after": "yesterday"})
    assert [detail.field for detail in caught.value.details] == ["status", "created_after", "attention"]
