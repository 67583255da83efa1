// A partner's first steps, and its agent's, by openapi-fetch and the generated types; ends with an error where an answer
// is not what it should be. Where the service is and who calls stands in the environment.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, paths, webhooks } from "./api.js";

type Schemas = components["schemas"];
type Changed = webhooks["client.updated"]["post"]["requestBody"]["content"]["application/json"];

const { BASE_URL, CLIENT_ID, CLIENT_SECRET, LOGO } = process.env;
assert(BASE_URL && CLIENT_ID && CLIENT_SECRET && LOGO);

function authorized(token: string) {
  return createClient<paths>({ baseUrl: BASE_URL, headers: { Authorization: `Bearer ${token}` } });
}

/** Files are what the types call `string`. */
function form(fields: object = {}): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  return made;
}

async function partnersToken(): Promise<string> {
  const { data, error } = await createClient<paths>({ baseUrl: BASE_URL }).POST("/oauth/token", {
    body: { grant_type: "client_credentials", client_id: CLIENT_ID, client_secret: CLIENT_SECRET },
  });
  assert(data, error?.error_description);
  return data.access_token;
}

const partner = authorized(await partnersToken());
const made = await partner.POST("/v1/agencies", {
  params: { header: { "Idempotency-Key": "found-harbor" } },
  body: { agency_name: "Harbor Insurance", email: "ann@harbor.example", first_name: "Ann", last_name: "Reed" },
});
assert(made.data, made.error?.error.message);
const { agency, agent: owner } = made.data.data;

async function walked(cursor: string): Promise<Schemas["Agent"][]> {
  const query = { cursor, perPage: 1, includeDeactivated: true };
  const { data, error } = await partner.GET("/v1/agents", { params: { query } });
  assert(data, error?.error.message);
  return data.meta.next_cursor ? [...data.data, ...(await walked(data.meta.next_cursor))] : data.data;
}
assert.deepEqual((await walked("first")).map((one) => one.email), ["ann@harbor.example"]);

const refused = await partner.GET("/v1/agents", { params: { query: { perPage: 101 } } });
assert.equal(refused.error?.error.details?.[0]?.field, "perPage");

const agent = authorized(owner.access_token);
const logo = new Blob([await readFile(LOGO)], { type: "image/png" });
const branded = await agent.PATCH("/v1/agencies/{agency_id}", {
  params: { path: { agency_id: agency.id } },
  body: { color_code: "1D4ED8", logo: logo as unknown as string },
  bodySerializer: form,
});
assert(branded.data?.data.logo_url, branded.error?.error.message);

const status: Schemas["SalesFunnelStatus"] = "quoted";
const client = await agent.POST("/v1/client", {
  body: { first_name: "Joe", last_name: "Consumer", email: "joe@home.example", sales_funnel_status: status },
});
assert(client.data, client.error?.error.message);
const listed = await agent.GET("/v1/agents/{agent_id}/clients", {
  params: {
    path: { agent_id: owner.id },
    query: { salesFunnelStatus: [status, "won"], sort: "-created_at", include: ["submissions"] },
  },
});
assert.deepEqual(listed.data?.data.map((one) => [one.uuid, one.submissions]), [[client.data.data.uuid, []]]);

/** What a receiver makes of a body that it has verified. */
export function changedFields(event: Changed): readonly string[] {
  return event.data.changed;
}
