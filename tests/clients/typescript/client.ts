// What a program does with types that are generated from the document: the whole life of files, typed to the end.
// Arguments: the service's URL and a key with the scope `admin`.
import assert from "node:assert/strict";
import { EventSource } from "eventsource";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Import = components["schemas"]["Import"];
type Problem = components["schemas"]["Problem"];
type Form = components["schemas"]["ImportForm"];
type Row = components["schemas"]["ResultRow"];

const [url, key] = process.argv.slice(2) as [string, string];
const client = clientWith(key);

const LEADS =
  "email,firstName,lastName,leadScore\n" +
  "ann@example.com,Ann,Ash,1\n" +
  "bob@example.com,Bob,Beech,many\n" + // rejected: not an integer
  "not-an-address,Cid,Cedar,3\n" + // taken with a remark
  ",Dot,Dogwood,4\n"; // rejected: no key
const CORRECTED = "email,firstName,lastName,leadScore\nbob@example.com,Bob,Beech,2\n";
const CARS = "vin;make;model;color\nVIN1;bmw;2002;red\n;audi;80;blue\nVIN3;vw;golf;green\n";
const MEMBERS = "email\tfirstName\nann@example.com\tAnn\nbob@example.com\tBob\n";
const OF_CARS = { object_type: "custom_object", object_name: "car_c", format: "ssv" } as const;
const OF_MEMBERS = {
  object_type: "program_member",
  program_id: 1001,
  program_member_status: "On List",
  format: "tsv",
} as const;

const sent = [
  await sendRaw(LEADS, { metadata: '{"run": "17"}', priority: 7 }),
  await sendRaw(CARS, OF_CARS),
  await sendRaw(MEMBERS, OF_MEMBERS),
  await sendInForm({ file: LEADS, metadata: '{"run": "17"}', priority: 7, not_before: "2026-01-01T00:00:00Z" }),
  await sendInForm({ file: CARS, ...OF_CARS, dedupe_fields: "vin" }),
  await sendInForm({ file: MEMBERS, ...OF_MEMBERS }),
];
const finished: Import[] = [];
for (const import_ of sent) finished.push(await finish(import_.id));
assert.deepEqual(finished.map(({ status, rows }) => [status, rows.failed, rows.warned]), [
  ["complete", 2, 1],
  ["complete", 1, 0],
  ["complete", 0, 0],
  ["complete", 2, 1],
  ["complete", 1, 0],
  ["complete", 0, 0],
]);
const leads = finished[0];
assert(leads);
await read(leads);
await sendRejectedRowsAgain(leads);
await cancelAndRetry();
await review();
await followEvents();
await watchInstances();
await meetProblems(leads);
await makeKeys();
await makeWebhooks();

function clientWith(key: string) {
  return createClient<paths>({
    baseUrl: url,
    headers: { Authorization: `Bearer ${key}` },
  });
}

/** The answer, if it is what was hoped for. */
function well<T>({ data, error }: { data?: T; error?: unknown }): T {
  assert.equal(error, undefined, JSON.stringify(error));
  assert(data !== undefined);
  return data;
}

/** The problem, if it is one: each error of the document has this type. */
function problem({ error, response }: { error?: Problem; response: Response }): Problem {
  assert(error, `${response.url} answered ${response.status}`);
  assert.equal(error.status, response.status);
  return error;
}

type Query = NonNullable<paths["/v1/imports"]["post"]["parameters"]["query"]>;

async function sendRaw(body: string, query: Query): Promise<Import> {
  return well(
    await client.POST("/v1/imports", {
      params: { query, header: { "Content-Disposition": 'attachment; filename="leads.csv"' } },
      body,
      bodySerializer: (text) => text,
      headers: { "Content-Type": "application/octet-stream" },
    }),
  );
}

async function sendInForm(form: Form): Promise<Import> {
  return well(await client.POST("/v1/imports", { body: form, bodySerializer: asForm }));
}

/** A form with its file as bytes, and all else as text. */
function asForm(form: unknown): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(form as Form)) {
    if (name === "file") data.append(name, new Blob([String(value)], { type: "text/csv" }), "leads.csv");
    else data.append(name, String(value));
  }
  return data;
}

/** Wait for the end of an import. */
async function finish(import_id: number): Promise<Import> {
  for (let asked = 0; asked < 20; asked++) {
    const params = { path: { import_id }, query: { wait: 30 } };
    const import_ = well(await client.GET("/v1/imports/{import_id}", { params }));
    if (import_.finished_at !== null) return import_;
  }
  throw new Error(`import ${import_id} does not end`);
}

async function read(import_: Import): Promise<void> {
  const path = { import_id: import_.id };
  assert.deepEqual([import_.file.name, import_.metadata], ["leads.csv", { run: "17" }]);
  const [part] = well(await client.GET("/v1/imports/{import_id}/parts", { params: { path } })).items;
  assert.deepEqual([part?.state, part?.failed, part?.warned], ["complete", 2, 1]);
  const events = well(await client.GET("/v1/imports/{import_id}/events", { params: { path, query: { page_size: 3 } } }));
  assert(typeof events === "object" && events.items.length === 3);
  const rows = await failures(import_.id);
  assert.deepEqual(rows.map((row) => row.source_row), [2, 4]);
  assert.equal(rows[0]?.values["firstName"], "Bob");
  const warned = well(await client.GET("/v1/imports/{import_id}/warnings", { params: { path } }));
  assert(typeof warned === "object");
  assert.deepEqual(warned.items.map((row) => row.source_row), [3]);
  const listed = well(await client.GET("/v1/imports", { params: { query: { status: "complete", page_size: 200 } } }));
  assert(listed.items.some(({ id }) => id === import_.id));
}

/** The rows that Marketo rejected, page by page. */
async function failures(import_id: number): Promise<Row[]> {
  const rows: Row[] = [];
  const query: { page_size: number; page_token?: string } = { page_size: 1 };
  for (;;) {
    const page = well(
      await client.GET("/v1/imports/{import_id}/failures", { params: { path: { import_id }, query } }),
    );
    assert(typeof page === "object");
    rows.push(...page.items);
    if (page.next_page_token === null) return rows;
    query.page_token = page.next_page_token;
  }
}

async function sendRejectedRowsAgain(import_: Import): Promise<void> {
  const params = { path: { import_id: import_.id } };
  const route = "/v1/imports/{import_id}/retry-failures";
  const again = well(await client.POST(route, { params }));
  assert.deepEqual([again.retry_of, again.file.rows], [import_.id, 2]);
  const raw = well(
    await client.POST(route, {
      params,
      body: CORRECTED,
      bodySerializer: (text) => text,
      headers: { "Content-Type": "text/csv" },
    }),
  );
  const inForm = well(await client.POST(route, { params, body: { file: CORRECTED }, bodySerializer: asForm }));
  const ends = [await finish(again.id), await finish(raw.id), await finish(inForm.id)];
  assert.deepEqual(ends.map(({ rows }) => rows.failed), [2, 0, 0]);
}

async function cancelAndRetry(): Promise<void> {
  const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
  const waiting = await sendRaw(LEADS, { not_before: tomorrow });
  assert.deepEqual([waiting.status, waiting.not_before], ["queued", tomorrow]);
  const params = { path: { import_id: waiting.id } };
  const changed = well(await client.PATCH("/v1/imports/{import_id}", { params, body: { priority: 7, label: null } }));
  assert.deepEqual([changed.priority, changed.label, changed.not_before], [7, null, tomorrow]);
  const cancelled = well(await client.POST("/v1/imports/{import_id}/cancel", { params }));
  assert.deepEqual([cancelled.status, cancelled.rows.pending], ["cancelled", 4]);
  const retried = well(await client.POST("/v1/imports/{import_id}/retry", { params }));
  assert.equal((await finish(retried.id)).rows.imported, 2);
}

/** Stored and looked at, then released. */
async function review(): Promise<void> {
  const stored = await sendRaw(LEADS, { review: true });
  const params = { path: { import_id: stored.id } };
  assert(stored.review_until);
  const { items } = well(await client.GET("/v1/imports/{import_id}/parts", { params }));
  assert.deepEqual(items.map(({ waiting_for }) => waiting_for), ["review"]);
  assert.deepEqual(well(await client.GET("/v1/imports", { params: { query: { file_name: "no such" } } })).items, []);
  assert.equal(well(await client.POST("/v1/imports/{import_id}/release", { params })).review_until, null);
  assert.equal((await finish(stored.id)).rows.imported, 2);
  assert.equal(problem(await client.POST("/v1/imports/{import_id}/release", { params })).code, "nothing_to_release");
}

/** As a browser listens: EventSource sends no header, so the token for this one stream is in the address. */
async function followEvents(): Promise<void> {
  const import_ = await sendRaw(LEADS, {});
  const params = { path: { import_id: import_.id } };
  const { token } = well(await client.POST("/v1/imports/{import_id}/stream-token", { params }));
  const types: string[] = [];
  const stream = new EventSource(`${url}/v1/imports/${import_.id}/events?stream_token=${token}`);
  stream.addEventListener("message", ({ data }) => types.push((JSON.parse(data) as { type: string }).type));
  // At the end of a finished import the stream closes; the reader comes again, is answered 204, and stays away.
  await new Promise<void>((resolve) => {
    stream.addEventListener("error", () => stream.readyState === stream.CLOSED && resolve());
  });
  assert.deepEqual([types[0], types.at(-1)], ["accepted", "finished"]);
  assert.equal(new Set(types).size, types.length, "no event came twice");
}

async function watchInstances(): Promise<void> {
  const params = { path: { name: "default" } };
  const shown = well(await client.GET("/v1/instances/{name}", { params }));
  assert("limits" in shown && shown.state === "running");
  const body = { reason: "Spring cleaning" };
  const paused = well(await client.POST("/v1/instances/{name}/pause", { params, body }));
  assert.deepEqual([paused.state, paused.paused?.reason], ["paused", "Spring cleaning"]);
  well(await client.POST("/v1/instances/{name}/resume", { params }));
  const jobs = well(await client.GET("/v1/instances/{name}/jobs", { params: { ...params, query: { state: "complete" } } }));
  assert(jobs.items.length > 1);
  assert.equal(well(await client.GET("/v1/status")).status, "ok");
}

async function meetProblems(import_: Import): Promise<void> {
  const noKey = problem(
    await client.POST("/v1/imports", {
      body: "firstName\nAnn\n",
      bodySerializer: (text) => text,
      headers: { "Content-Type": "text/csv" },
    }),
  );
  assert.deepEqual([noKey.status, noKey.code, noKey.errors?.[0]?.field], [422, "missing_column", "email"]);
  const params = { path: { import_id: import_.id } };
  assert.equal(problem(await client.POST("/v1/imports/{import_id}/retry", { params })).code, "nothing_to_retry");
  assert.equal(problem(await client.POST("/v1/imports/{import_id}/cancel", { params })).code, "wrong_state");
  const nowhere = { path: { import_id: 1_000_000_000 } };
  assert.equal(problem(await client.GET("/v1/imports/{import_id}", { params: nowhere })).code, "not_found");
  assert.equal(problem(await clientWith("slc_nobody_nothing").GET("/v1/imports")).code, "unauthorized");
}

/** A key over the API: what it may, and its end. */
async function makeKeys(): Promise<void> {
  const made = well(await client.POST("/v1/keys", { body: { client: "crm-sync", scopes: ["submit"] } }));
  const crm = clientWith(made.key);
  assert.deepEqual(well(await crm.GET("/v1/imports")).items, []);
  assert.equal(problem(await crm.GET("/v1/keys")).code, "forbidden");
  well(await client.GET("/v1/keys"));
  const params = { path: { key_id: made.id } };
  assert.equal((await client.DELETE("/v1/keys/{key_id}", { params })).response.status, 204);
  assert.equal(problem(await crm.GET("/v1/imports")).code, "unauthorized");
}

/** An endpoint from its first test to its end. Nobody listens there: what it hears is another test's. */
async function makeWebhooks(): Promise<void> {
  const body = { url: "https://hooks.example.com/sluice", events: ["import.finished" as const] };
  const made = well(await client.POST("/v1/webhooks", { body }));
  assert(made.secret.startsWith("whsec_"));
  const params = { path: { webhook_id: made.id } };
  const changed = well(await client.PATCH("/v1/webhooks/{webhook_id}", { params, body: { description: "nightly" } }));
  assert.deepEqual([changed.description, changed.enabled, changed.events], ["nightly", true, ["import.finished"]]);
  const sent = well(await client.POST("/v1/webhooks/{webhook_id}/test", { params }));
  const listed = well(await client.GET("/v1/webhooks/{webhook_id}/deliveries", { params }));
  assert(listed.items.some(({ message_id }) => message_id === sent.message_id));
  assert.equal((await client.DELETE("/v1/webhooks/{webhook_id}", { params })).response.status, 204);
  assert.equal(problem(await client.GET("/v1/webhooks/{webhook_id}", { params })).code, "not_found");
}
