// Each of these lines must be refused: an unknown path, a field that is missing, a word that is none of the choices, a
// parameter of another type, and a field that no answer has.

import createClient from "openapi-fetch";
import type { paths } from "./api.js";

const client = createClient<paths>({ baseUrl: "/" });
void client.GET("/v1/agent", {});
void client.POST("/v1/agencies", { body: { agency_name: "A", email: "a@b.example", first_name: "Ann" } });
void client.POST("/v1/client", { body: { first_name: "Joe", last_name: "C", sales_funnel_status: "sold" } });
void client.GET("/v1/agents", { params: { query: { includeDeactivated: "yes" } } });
void client.GET("/v1/agents", {}).then(({ data }) => data?.data[0]?.password);
