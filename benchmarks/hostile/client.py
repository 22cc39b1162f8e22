"""The other client: small requests, one after the other, each timed. `python -m benchmarks.hostile.client`."""

import argparse
import json
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

FILE = b"email,firstName\n" + b"".join(b"person%d@example.com,Pat\n" % number for number in range(20))
LATER = "/v1/imports?not_before=2099-01-01T00:00:00Z&preflight=off"  # nothing goes to Marketo
TIMEOUT_SECONDS = 60.0
EVERY_SECONDS = 0.02
AGAIN = frozenset({429, 503})


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--url", required=True)
    asked.add_argument("--key", required=True)
    asked.add_argument("--seconds", type=float, required=True)
    given = asked.parse_args()
    headers = {"Authorization": f"Bearer {given.key}", "Content-Type": "text/csv"}
    took: list[float] = []
    refused = 0
    line = HTTPConnection(urlsplit(given.url).netloc, timeout=TIMEOUT_SECONDS)
    ends = time.perf_counter() + given.seconds
    while time.perf_counter() < ends:
        for method, path, body in (("POST", LATER, FILE), ("GET", "/v1/imports?page_size=5", None)):
            began = time.perf_counter()
            try:
                line.request(method, path, body, headers)
                answer = line.getresponse()
                answer.read()
                if answer.status >= 400:
                    refused += 1
                    if answer.status not in AGAIN:
                        raise RuntimeError(f"{method} {path}: {answer.status}")
            except (OSError, HTTPException):  # the connection was given to somebody else
                refused += 1
                line.close()
            took.append(time.perf_counter() - began)
            time.sleep(EVERY_SECONDS)
    print(json.dumps({"took": took, "refused": refused}))


if __name__ == "__main__":
    main()
