// Routes about services: what is configured, what is active, and the update that replaces the dynamic set.
import { create } from "@bufbuild/protobuf";
import * as z from "zod";
import { type ErrorCode, OzError } from "#core/errors.ts";
import { DynamicInstanceSchema } from "#proto/instances_pb.ts";
import { activeRecords } from "./active-record.ts";
import {
  acceptedAnswer,
  type DesiredInstance,
  desiredInstance,
  serviceDefinitionAnswer,
  serviceInformationAnswer,
} from "./answers.ts";
import { configuredRecord } from "./configured-record.ts";
import { refusal, type RestReply } from "./rest-reply.ts";
import { type Call, route } from "./route.ts";

/** What the backend finds wrong with an update is wrong with the request, whatever its code is elsewhere. */
const wrongRequest: ReadonlySet<ErrorCode> = new Set([
  "bad_request",
  "not_found",
  "already_exists",
  "precondition",
  "not_supported",
]);

export const serviceRoutes = [
  route({
    method: "GET",
    path: "/srv/services/configured/",
    summary: "Service definitions",
    answerStatus: 200,
    answer: z.array(serviceDefinitionAnswer),
    refusals: {},
    handle: async ({ backend }) => ({ status: 200, body: (await backend.services()).map(configuredRecord) }),
  }),
  route({
    method: "GET",
    path: "/srv/services/active/",
    summary: "What runs, is about to run, or is being stopped",
    description:
      "One record per replica. Containers that run and that nobody asked for are not among them; `ozctl ps` shows those.",
    answerStatus: 200,
    answer: z.array(serviceInformationAnswer),
    refusals: {},
    async handle({ backend }) {
      const [instances, services] = await Promise.all([backend.instances(), backend.services()]);
      return { status: 200, body: activeRecords(instances, services) };
    },
  }),
  route({
    method: "POST",
    path: "/srv/services/active/update/",
    aliases: ["/srv/services/dynamic/update/", "/srv/services/update/"],
    summary: "Replace the dynamic set",
    description:
      "The array is the complete set of dynamic instances: what it does not name is stopped, [] stops all. Instances that the settings own stay as they are.",
    body: z.array(desiredInstance),
    answerStatus: 202,
    answer: acceptedAnswer,
    refusals: {
      400: "A service, variety or profile does not exist, or a record belongs to the settings; nothing was changed",
      409: "The state moved on meanwhile; what no host can take is accepted and waits",
      422: "The body is not a JSON array of such objects",
    },
    handle: update,
  }),
];

async function update({ body, backend }: Call<unknown, unknown>): Promise<RestReply> {
  const wishes = body as DesiredInstance[];
  const problem = firstProblem(wishes);
  if (problem !== undefined) return problem;
  try {
    const { operationId } = await backend.replaceDynamic(wishes.map(dynamicInstance), "system key");
    const message = operationId === 0n ? "Nothing had to change" : `Watch it: ozctl ops watch ${operationId}`;
    return {
      status: 202,
      body: { status: "accepted", message, operation_id: operationId === 0n ? null : Number(operationId) },
    };
  } catch (error) {
    if (error instanceof OzError && wrongRequest.has(error.code))
      return refusal(400, error.code, error.message, error.hint);
    throw error;
  }
}

function dynamicInstance({ name, service, realm, variety, profile }: DesiredInstance) {
  return create(DynamicInstanceSchema, {
    name,
    service: service || name,
    group: realm || "default",
    variety: variety ?? "",
    profile: profile ?? "",
  });
}

function firstProblem(wishes: readonly DesiredInstance[]): RestReply | undefined {
  const seen = new Set<string>();
  for (const { name, realm, persistent, secrets_tokens: tokens } of wishes) {
    const key = `${realm || "default"}/${name}`;
    if (seen.has(key)) return refusal(400, "bad_request", `${name} is named twice in realm ${realm || "default"}`);
    seen.add(key);
    if (persistent === true)
      return refusal(
        400,
        "bad_request",
        `${name} is persistent: the settings own it`,
        "Leave it out; an update does not touch it. Change it with ozctl apply.",
      );
    if (Object.keys(tokens ?? {}).length > 0)
      return refusal(400, "not_supported", `${name}: secrets_tokens is not supported in this version`, "Leave it out.");
  }
  return undefined;
}
