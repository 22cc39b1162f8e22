"""A further object type is one module: this one stands in companies.py, and the service is not told of it elsewhere."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from app.store.database import driver_url
from tests.story.companies import COLUMN

ROOT = Path(__file__).parents[2]


def test_a_fourth_object_type_goes_through_the_whole_service(database_url: str):
    """From the request to the rows that Marketo rejected, over our API and over Marketo's own paths."""
    told = run_story(database_url)
    made = told["import"]
    assert (made["status"], made["object_type"], made["company_region"]) == ("complete", "company", "EMEA")
    assert (made["rows"]["imported"], made["rows"]["failed"], made["lookup_field"]) == (1, 2, None)
    assert [(row["source_row"], row["reason"]) for row in told["failures"]] == [
        (2, "Invalid data type in field Staff"),
        (3, "Value for lookup field 'externalCompanyId' not found"),
    ]
    assert told["sent to"] == ["/bulk/v1/companies/import.json?format=csv&region=EMEA"] * 2
    assert [record["company"] for record in told["records"]] == ["Example"]
    (job,) = told["at marketo's path"]["result"]
    assert (job["status"], job["numOfCompaniesProcessed"], job["numOfRowsFailed"]) == ("Complete", 1, 2)
    assert [one["object_type"] for one in told["list"]] == ["company", "company"]
    assert "company" in told["documented"]["enum"]
    assert "--company-region" in told["command"]
    assert "company_region: is required for object_type company" in told["without the region"]["detail"]
    assert "list_id: is for object_type lead; this import's is company" in told["a lead's parameter"]["detail"]
    assert "Did you mean 'staff'?" in told["another column"]["detail"]


def run_story(database_url: str) -> dict[str, Any]:
    """What with_companies.py tells, after the migration that such a type brings with it."""
    add_column(database_url)
    command = [sys.executable, "-m", "tests.story.with_companies", database_url]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def add_column(database_url: str) -> None:
    engine = create_engine(driver_url(database_url, asynchronous=False))
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE import ADD COLUMN {COLUMN} VARCHAR(255)"))
    engine.dispose()
