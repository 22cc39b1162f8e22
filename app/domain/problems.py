"""Every code that a problem may have: what it means and what to do. Each has a page at /problems/<code-with-dashes>.

A code is a promise to callers and never changes. A new one needs an entry here; a test asks for it. The module is long
because it is one table.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    status: int
    title: str
    means: str
    remedy: str


PROBLEMS: dict[str, Problem] = {
    "bad_request": Problem(
        400,
        "The request cannot be understood",
        "Something about the request as such is wrong; `detail` says what.",
        "Compare it with the API's page at /docs.",
    ),
    "broken_upload": Problem(
        400,
        "The upload is not what its headers say",
        "The body breaks off, or is not of the form or compression that its headers name. Nothing of it was kept.",
        "Send it again; if that does not help, look at Content-Type and Content-Encoding.",
    ),
    "digest_mismatch": Problem(
        400,
        "The file is not the one in Content-Digest",
        "The SHA-256 of what arrived is another than that in the header. Nothing of it was kept.",
        "Send it again. If it fails again, the digest is of another file.",
    ),
    "invalid_digest": Problem(
        400,
        "Content-Digest cannot be read",
        "It names sha-256, and what follows is no SHA-256 in base64 between colons.",
        "Send `Content-Digest: sha-256=:…:` (RFC 9530), or leave it out.",
    ),
    "partial_upload": Problem(
        400,
        "The request carries only a piece of a file",
        "A header says so: Content-Range, an Upload-Complete that says no, or a Content-… that is not known here and "
        "may change what the bytes mean. Half a file is never taken for a whole one. Nothing of it was kept.",
        "Send the whole file in one request, without that header: a file of any size is taken.",
    ),
    "zstd_window": Problem(
        400,
        "The zstd window is too large",
        "To unpack the body would take more memory than one upload may have.",
        "Compress it without `--long` and `--ultra`.",
    ),
    "unauthorized": Problem(
        401,
        "A key is needed",
        "The request has no API key, or one that is unknown, expired or revoked. Nothing of its body was read.",
        "Send `Authorization: Bearer slc_…`; whoever runs the service makes keys with `sluice keys create`.",
    ),
    "forbidden": Problem(
        403,
        "You may not do that",
        "The key's scopes do not go so far; or, where the service asks for no keys, the request does not come from "
        "this machine, or from a web page of another site.",
        "Ask for a key with the scope that `detail` names.",
    ),
    "not_found": Problem(
        404,
        "Not found",
        "The path leads nowhere, or to something that does not exist, or that is another client's.",
        "Check the path and the id. A key with the scope `read` sees every client's imports.",
    ),
    "method_not_allowed": Problem(
        405,
        "The method is not allowed here",
        "The path is right, and cannot be asked in this way.",
        "Use one of the methods in the header Allow.",
    ),
    "upload_too_slow": Problem(
        408,
        "The upload came too slowly",
        "Nothing arrived for too long (`SLUICE_UPLOAD_IDLE_SECONDS`), or too little in a longer time "
        "(`SLUICE_UPLOAD_LEAST_BYTES_PER_SECOND`). Nothing of it was kept.",
        "Send it over a better line, or compressed.",
    ),
    "request_timeout": Problem(
        408,
        "The request came too slowly",
        "Its request line and headers were not there within ten seconds.",
        "Send it again. If it happens often, look at the line, or at a proxy that opens connections in advance.",
    ),
    "idempotency_key_in_use": Problem(
        409,
        "The first request with this key is still being received",
        "Another request with the same Idempotency-Key is under way. This one's body was not read.",
        "Wait for as long as Retry-After says, then send it again.",
    ),
    "nothing_to_retry": Problem(
        409,
        "There is nothing to send again",
        "The import has no such row; or none that may be sent as it was uploaded: each has a later one of the same key "
        "that was imported, or Marketo's row cannot be found among the uploaded ones. `detail` says which.",
        "Look at `rows` and at the import's parts. For rows that cannot be found: download its failures, mend them, "
        "and send them as the body of `…/retry-failures`.",
    ),
    "unknown_column": Problem(
        422,
        "The column map names a column that the file does not have",
        "Each name in `column_map` has to be a column of the file's header: else what it says would be passed over.",
        "Name the column as it stands in the header, or take it out of `column_map`.",
    ),
    "nothing_waits": Problem(
        409,
        "Nothing of the import waits any more",
        "Priority, `not_before` and label are about what still waits here: all of it is at Marketo, or has ended.",
        "Read the import to see where it stands. What Marketo has cannot be changed.",
    ),
    "nothing_to_release": Problem(
        409,
        "There is nothing to release",
        "Only an import that was sent with `review=true` waits for its release: this one was not, or was released or "
        "cancelled already, or its seven days are over.",
        "Read the import to see where it stands. What was cancelled is sent by `…/retry`.",
    ),
    "not_finished": Problem(
        409,
        "The import is not finished",
        "Only what is over can be erased: Marketo may still need the rest.",
        "Wait for its end, or cancel it and then wait; then erase it.",
    ),
    "results_erased": Problem(
        410,
        "The failures and warnings are erased",
        "Somebody erased them, or their time was over. The import's counts and its history are still there.",
        "Fetch them sooner the next time, or keep them longer: SLUICE_RESULT_RETENTION_DAYS.",
    ),
    "rows_damaged": Problem(
        409,
        "The stored rows are damaged",
        "They are no longer what was uploaded: a disk or somebody has changed them. They are never sent.",
        "Upload the file again. For the operator: look at the disk, and at `sluice check-database`.",
    ),
    "rows_erased": Problem(
        409,
        "The rows are erased",
        "Their time is over: the service keeps the rows of a finished import only for a while.",
        "Upload the file again.",
    ),
    "too_many_webhooks": Problem(
        409,
        "There are too many webhooks already",
        "A client may have 20 endpoints, and the service 200: each holds connections of its own.",
        "Remove one that is not needed, or let one endpoint hear of several events.",
    ),
    "webhook_off": Problem(
        409,
        "The webhook is switched off",
        "Nothing is sent to it: a person has switched it off, its receiver has answered 410, or nothing could be "
        "delivered for three days. Its `off_reason` says which.",
        "Switch it on by a PATCH with `enabled`, then try again.",
    ),
    "wrong_state": Problem(
        409,
        "It is too late for that",
        "The thing exists and is past that: a finished import cannot be cancelled, only an unconfirmed part decided, "
        "only one that Marketo has, or may have, given up.",
        "Read it again to see where it stands.",
    ),
    "compression_bomb": Problem(
        413,
        "The body unpacks to far more than was sent",
        "It grows so much that it looks like one made to fill the disk.",
        "If it is a real file, send it uncompressed.",
    ),
    "content_too_large": Problem(
        413,
        "The body is too large",
        "A JSON body is longer than any that makes sense here.",
        "Send the fields that the API's page names, and nothing else.",
    ),
    "file_too_large": Problem(
        413,
        "The file is too large",
        "It has more bytes, after decompression, than the service takes (`SLUICE_MAX_FILE_BYTES`).",
        "Send it in pieces, each with the header.",
    ),
    "unsupported_charset": Problem(
        415,
        "The charset is not known",
        "`charset` names none that the service can undo while a file streams in.",
        "Use utf-8, utf-16, cp1252, or another name that Python knows.",
    ),
    "unsupported_encoding": Problem(
        415,
        "The encoding is not known",
        "Content-Encoding names another than gzip and zstd, or Content-Transfer-Encoding another than base64 and "
        "quoted-printable.",
        "Encode the file with one of these, or not at all.",
    ),
    "unsupported_media": Problem(
        415,
        "The body cannot be taken so",
        "A form cannot be compressed as a whole, nor nested; and what is to be JSON has to say so.",
        "Send the compressed file raw, or in a form that says nothing of it: there it is simply unpacked. JSON goes "
        "with `Content-Type: application/json`.",
    ),
    "unsupported_media_type": Problem(
        415,
        "The media type is not taken",
        "Content-Type is none that a file, or a form with a file, comes in. `curl -d` sends one of its own, and takes "
        "the line ends out of the file besides.",
        "Use text/csv, text/tab-separated-values, application/octet-stream, or multipart/form-data with a part `file`; "
        "with curl, `-T FILE -X POST` or `--data-binary @FILE` in place of `-d`.",
    ),
    "bad_bytes": Problem(
        422,
        "The file holds bytes that are not in its charset",
        "`errors` names the row and the column. Nothing of the file was kept.",
        "Name the file's real charset with `charset`: `detail` suggests one, and what it makes of a word. Excel's CSV "
        "is often cp1252, its Unicode text utf-16.",
    ),
    "blank_column": Problem(
        422,
        "A column has no name",
        "The header line has an empty cell; often there is a delimiter too many.",
        "Name the column, or take it out.",
    ),
    "column_name_too_long": Problem(
        422,
        "A column's name is too long",
        "No field has a name of so many characters. Often the header line is missing, or is of another `format`.",
        "Name every column by its API name, in the first line of the file.",
    ),
    "duplicate_column": Problem(
        422,
        "Two columns have the same name",
        "Nobody could say which of them is meant. Upper and lower case are one.",
        "Keep one of them.",
    ),
    "empty_file": Problem(
        422,
        "The file is empty",
        "There is no header line.",
        "Send a header line and at least one row. With curl, check the name behind `-T` or `@`.",
    ),
    "idempotency_key_reused": Problem(
        422,
        "The idempotency key stands for another request",
        "The same Idempotency-Key came before with other parameters or another file.",
        "Use a new key for a new request, and send the very same request with an old one.",
    ),
    "invalid_file": Problem(
        422,
        "The file cannot be imported as it is",
        "`detail` and `errors` say where and why. Nothing of the file was kept.",
        "Mend the file and send it again.",
    ),
    "invalid_header": Problem(
        422,
        "Marketo does not have these fields",
        "Columns have names that Marketo has no writable field for: `errors` names each, with the nearest right name.",
        "Use the fields' API names. With `preflight=off` the header is not checked, and Marketo will refuse the file.",
    ),
    "invalid_parameter": Problem(
        422,
        "A parameter is missing or not valid",
        "`errors` has a line for each: all of them, so that they can be mended in one go.",
        "Mend them; the API's page has the table of parameters.",
    ),
    "webhook_address_refused": Problem(
        422,
        "Webhooks may not point there",
        "The host has an address that is not allowed: loopback, link-local, multicast and metadata addresses never "
        "are, unless whoever runs the service names their network; and it may have named all that are.",
        "Use another host, or have its network named in `SLUICE_WEBHOOK_NETWORKS`.",
    ),
    "missing_column": Problem(
        422,
        "A key column is missing",
        "The header lacks the column by which Marketo finds a record: the lookup field or a dedupe field. Or it has it "
        "under another name, or its cells are separated by something else than `format` says.",
        "Do what `detail` says: rename the column or add it, or give the file's real `format`.",
    ),
    "no_file": Problem(
        422,
        "The form has no file",
        "There is no part named `file`; or a part is so large that it can only be the file, under another name.",
        "Name the part that holds the file `file`: with curl, `-F file=@leads.csv`.",
    ),
    "no_rows": Problem(
        422,
        "The file has a header and no rows",
        "There is nothing to import. Or the file has no line ends, as after `curl -d`: then all of it is the header.",
        "Nothing, if there were none to send; else `--data-binary @FILE` in place of `-d`.",
    ),
    "not_delimited": Problem(
        422,
        "The file is no delimited text",
        "It begins like a workbook, an archive, a web page, JSON, a picture, or something compressed: `detail` says "
        "which.",
        "Export it as CSV, unpack it, or say how it is compressed with Content-Encoding, as `detail` has it.",
    ),
    "nul_byte": Problem(
        422,
        "The file holds a NUL byte",
        "Marketo takes none. Most such files are UTF-16.",
        "Say so with `charset=utf-16`, or as `detail` says, or take the bytes out: `errors` names the row.",
    ),
    "priority_too_high": Problem(
        422,
        "The priority is higher than the key's",
        "A key may have a highest priority, so that nobody's imports go before everybody else's.",
        "Use one that `detail` names, or leave it out. Whoever runs the service gives keys theirs.",
    ),
    "record_too_large": Problem(
        422,
        "One row is too large",
        "With the header it does not fit into a file that Marketo takes. A quote that is never closed looks like this.",
        "Shorten the row that `errors` names, or close its quote.",
    ),
    "too_many_columns": Problem(
        422,
        "The header has too many columns",
        "A file may have 2,000 of them: no object of Marketo's has as many fields.",
        "Leave out those that Marketo is not to have, or give the file's real `format`.",
    ),
    "two_files": Problem(
        422,
        "The form has two files",
        "An import takes one part named `file`.",
        "Make an import for each.",
    ),
    "unclosed_quote": Problem(
        422,
        "A quote is never closed",
        "From the row that `errors` names, everything to the end of the file is one cell.",
        "Close the quote; a quote inside a quoted cell is written twice.",
    ),
    "unknown_instance": Problem(
        422,
        "There is no such instance",
        "`instance` names a Marketo instance that is not configured here.",
        "Use one that `detail` names.",
    ),
    "unknown_object": Problem(
        422,
        "Marketo has no such custom object",
        "`object_name` names one that Marketo says there is not.",
        "Use one that `detail` names: the API name, as it stands in Marketo. One that was made just now is known "
        "within a minute.",
    ),
    "backlog_full": Problem(
        429,
        "Too many parts are waiting already",
        "The service's own limit (`SLUICE_BACKLOG_PARTS`) is reached.",
        "Send it again after Retry-After. For the operator: is work flowing? `GET /v1/status` knows.",
    ),
    "client_backlog_full": Problem(
        429,
        "Too many parts of yours are waiting already",
        "One client may have only so many (`SLUICE_CLIENT_BACKLOG_PARTS`), so that others find room.",
        "Send it again after Retry-After, when some have gone.",
    ),
    "client_streams_full": Problem(
        429,
        "Too many streams of yours are open",
        "One client may have only so many streams of events, waits (`?wait=`) and downloads of results open at once "
        "(`SLUICE_CLIENT_STREAMS`).",
        "End some of them. To follow many imports, ask for the list now and then.",
    ),
    "client_uploads_full": Problem(
        429,
        "Too many uploads of yours are under way",
        "One client may have only so many at once (`SLUICE_CLIENT_UPLOADS`), and none of them ended while this one "
        "waited. Nothing of its body was read.",
        "Send it again after Retry-After, when one of yours has ended.",
    ),
    "uploads_full": Problem(
        429,
        "Too many uploads are under way",
        "The service takes only so many at once (`SLUICE_UPLOADS`), and only so much memory for all of them together. "
        "Nothing of this one was kept.",
        "Send it again after Retry-After.",
    ),
    "too_many_requests": Problem(
        429,
        "Too many requests",
        "One client may ask only so often a minute (`SLUICE_CLIENT_REQUESTS_PER_MINUTE`).",
        "Wait for as long as Retry-After says. `?wait=` and the list of imports save most questions.",
    ),
    "headers_too_large": Problem(
        431,
        "The request's headers are too large",
        "Request line and headers may have 32,768 bytes in all, 100 headers, and 8,190 bytes in each.",
        "Send fewer or shorter headers: cookies are not needed here. Parameters of an upload can be fields of a form.",
    ),
    "internal_error": Problem(
        500,
        "Something went wrong here",
        "This is a fault of the service, not of the request.",
        "Tell whoever runs it; the service's log has the details.",
    ),
    "database_unavailable": Problem(
        503,
        "The database cannot be reached",
        "Whether the request was carried out is not known. What was answered with 202 before is safe.",
        "Wait for as long as Retry-After says, then look before you send it again; with an Idempotency-Key, just do.",
    ),
    "key_missing": Problem(
        503,
        "The service lacks a key",
        "What was asked for is encrypted under a key that this process was not given. Nothing is lost.",
        "Wait for as long as Retry-After says, and send it again. For the operator: `/readyz` says which key it is; it "
        "belongs into SLUICE_ENCRYPTION_KEYS.",
    ),
    "schema_changed": Problem(
        503,
        "The database is another version's",
        "It was upgraded, or downgraded, and this process cannot work with what it is now. Nothing was done.",
        "Wait for as long as Retry-After says, and send it again. For the operator: end this process.",
    ),
    "too_many_connections": Problem(
        503,
        "There are too many connections",
        "The limit of connections to this process (`SLUICE_CONNECTIONS`) is reached, and all are at work.",
        "Send it again after Retry-After, over few connections that are kept open.",
    ),
    "stopping": Problem(
        503,
        "The service is stopping",
        "The request took longer than the service waits for when it stops. Whether it was carried out is not known.",
        "Look before you send it again; with an Idempotency-Key, just do: another process is soon there.",
    ),
    "disk_full": Problem(
        507,
        "There is no room to keep the file",
        "The disk of the database, or the one for temporary files, is full or almost full. Nothing was kept.",
        "For the operator: make room there. Then send the file again.",
    ),
}


def path_of(code: str) -> str:
    """Where its page is; the `type` of a problem with this code."""
    return f"/problems/{code.replace('_', '-')}"
