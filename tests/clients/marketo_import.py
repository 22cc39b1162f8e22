"""What a program written for Marketo does, with marketorestpython as it is released. Run as a process of its own.

Arguments: our URL, a key's id and secret, a folder with leads.csv, cars.ssv and members.tsv. Prints JSON.
"""

import json
import logging
import sys
import time
from importlib.metadata import version
from pathlib import Path

from marketorestpython.client import MarketoClient

# urllib3 then writes the paths that it asks for, queries included
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)

FAMILIES = {
    "custom_object": (
        "cars.ssv",
        "customobjects/car_c/import.json",
        "customobjects/car_c/import/{}",
        {"format": "ssv"},
    ),
    "program_member": (
        "members.tsv",
        "program/1001/members/import.json",
        "program/members/import/{}",
        {"format": "tsv", "programMemberStatus": "On List"},
    ),
}


def main(url: str, client_id: str, client_secret: str, folder: str) -> None:
    mc = MarketoClient("123-ABC-456", client_id, client_secret, max_retry_time=10)
    mc.host = url
    print(
        json.dumps(
            {
                "version": version("marketorestpython"),
                "lead": leads(mc, Path(folder, "leads.csv")),
                **{kind: others(mc, Path(folder), *family) for kind, family in FAMILIES.items()},
                "refused": refused(mc, Path(folder, "leads.csv")),
            }
        )
    )


def leads(mc: MarketoClient, file: Path) -> dict[str, object]:
    """By its documentation."""
    made = mc.execute(method="import_lead", file=str(file), format="csv", lookupField="email")[0]
    batch = made["batchId"]

    def ask() -> dict[str, object]:
        return mc.execute(method="get_import_lead_status", id=batch)[0]

    return {
        "created": made,
        "finished": followed(ask),
        "failures": mc.execute(method="get_import_failure_file", id=batch),
        "warnings": mc.execute(method="get_import_warning_file", id=batch),
    }


def others(
    mc: MarketoClient, folder: Path, name: str, create: str, batch: str, args: dict[str, str]
) -> dict[str, object]:
    """It has no methods of its own for these: by the call that all its methods are made of."""

    def call(method: str, path: str, **more: object) -> dict[str, object]:
        mc.authenticate()
        sent = {"access_token": mc.token} | (args if method == "post" else {})
        return mc._api_call(method, f"{mc.host}/bulk/v1/{path}", sent, **more)

    made = call("post", create, files=str(folder / name), filename="file")["result"][0]
    here = batch.format(made["batchId"])

    def ask() -> dict[str, object]:
        return call("get", f"{here}/status.json")["result"][0]

    return {
        "created": made,
        "finished": followed(ask),
        "failures": call("get", f"{here}/failures.json", mode="nojson").text,
        "warnings": call("get", f"{here}/warnings.json", mode="nojson").text,
    }


def refused(mc: MarketoClient, file: Path) -> str:
    try:
        mc.execute(method="import_lead", file=str(file), format="csv", lookupField="firstNam")
    except Exception as error:  # it raises bare ones
        return str(error)
    return ""


def followed(ask) -> dict[str, object]:
    """Whoever runs this bounds how long it may take."""
    while (told := ask())["status"] not in {"Complete", "Failed"}:
        time.sleep(0.2)
    return told


if __name__ == "__main__":
    main(*sys.argv[1:])
