"""The service with a fourth object type: `python -m tests.story.with_companies DATABASE_URL` prints what it did.

It is a process of its own, since the API, the tables and the command line are made of the object types when they are
imported. So nothing has to be undone.
"""

from tests.story import companies  # isort: split

companies.register()

import asyncio  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

from typer.testing import CliRunner  # noqa: E402

from app.cli.main import app as cli  # noqa: E402
from tests.support.clock import SteppedClock  # noqa: E402
from tests.support.stage import staged  # noqa: E402

FILE = b"externalCompanyId,company,staff\nC-1,Example,12\nC-2,Sample,many\n,Nameless,1\n"


async def story(database_url: str) -> dict[str, Any]:
    """An import over our API, one over Marketo's own paths, and what is refused."""
    companies.teach_simulator()
    told: dict[str, Any] = {}
    async with staged(database_url, SteppedClock()) as stage:
        told["without the region"] = (await stage.create(FILE, object_type="company")).json()
        told["a lead's parameter"] = (await stage.create(FILE, object_type="company", list_id=1)).json()
        told["another column"] = (
            await stage.create(b"externalCompanyId,staffs\nC-1,2\n", object_type="company", company_region="EMEA")
        ).json()
        number = await stage.created(FILE, object_type="company", company_region="EMEA")
        form = {"files": {"file": ("companies.csv", FILE)}, "data": {"region": "EMEA"}}
        made = (await stage.api.post("/bulk/v1/companies/import.json", **form)).json()
        await stage.run()
        told["import"] = await stage.read(number)
        as_json = {"Accept": "application/json"}
        told["failures"] = (await stage.api.get(f"/v1/imports/{number}/failures", headers=as_json)).json()["items"]
        batch = made["result"][0]["batchId"]
        told["at marketo's path"] = (await stage.api.get(f"/bulk/v1/companies/import/{batch}/state.json")).json()
        told["list"] = (await stage.api.get("/v1/imports?object_type=company")).json()["items"]
        told["documented"] = (await stage.api.get("/openapi.json")).json()["components"]["schemas"]["ObjectType"]
        told["records"] = stage.simulator.records("company")
        told["sent to"] = [request.url.raw_path.decode() for request in stage.posted]
    told["command"] = CliRunner().invoke(cli, ["submit", "--help"], env={"COLUMNS": "200"}).stdout
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(story(sys.argv[1]))))
