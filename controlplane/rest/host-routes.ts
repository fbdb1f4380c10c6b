// Routes about a host: its resources in both shapes of the original.
import * as z from "zod";
import { OzError } from "#core/errors.ts";
import { hostResources } from "#core/host-resources.ts";
import { suggestion } from "#core/names.ts";
import { type Host, HostState } from "#proto/hosts_pb.ts";
import { hostResourcesAnswer, resourceAnswer } from "./answers.ts";
import { availableResources } from "./available-resources.ts";
import type { RestBackend } from "./rest-backend.ts";
import { route } from "./route.ts";

const query = z.strictObject({
  host: z
    .string()
    .min(1)
    .optional()
    .describe("Host by name. Default: the one on this machine, else the first that answers"),
});
const refusals = { 400: "The query is wrong", 404: "There is no host of that name", 503: "No host has joined yet" };

export const hostRoutes = [
  route({
    method: "GET",
    path: "/srv/resources/available/",
    summary: "What is available on a host now",
    query,
    answerStatus: 200,
    answer: z.array(resourceAnswer),
    refusals,
    handle: async ({ backend, query: { host } }) => ({
      status: 200,
      body: availableResources(await pickHost(backend, host)),
    }),
  }),
  route({
    method: "GET",
    path: "/srv/host/resources",
    summary: "CPU, RAM, GPUs and VRAM of a host",
    query,
    answerStatus: 200,
    answer: hostResourcesAnswer,
    refusals,
    handle: async ({ backend, query: { host } }) => ({
      status: 200,
      body: hostResources(await pickHost(backend, host)),
    }),
  }),
];

async function pickHost(backend: RestBackend, name: string | undefined): Promise<Host> {
  const hosts = await backend.hosts();
  const wanted = name ?? (await backend.localHostName());
  const named = hosts.find((host) => host.name === wanted);
  if (named !== undefined) return named;
  if (name !== undefined)
    throw new OzError("not_found", `no host ${name}`, {
      hint: suggestion(
        name,
        hosts.map((host) => host.name),
      ),
    });
  const first =
    hosts.find((host) => host.state === HostState.ONLINE) ?? hosts.find((host) => host.inventory !== undefined);
  if (first === undefined)
    throw new OzError("unavailable", "no host has joined yet", { hint: "Invite one: ozctl host invite" });
  return first;
}
