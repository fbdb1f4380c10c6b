// Routes that show what an instance printed, and how it came up.
import * as z from "zod";
import { OzError } from "#core/errors.ts";
import { suggestion } from "#core/names.ts";
import type { Instance } from "#proto/instances_pb.ts";
import { logsAnswer } from "./answers.ts";
import type { LogRange, LogSubject, RestBackend } from "./rest-backend.ts";
import { refusal, type RestReply } from "./rest-reply.ts";
import { type Call, type Route, route } from "./route.ts";

/** Lines given when neither top nor last is asked for, and the most that can be. */
const defaultLines = 1_000;
const maxLines = 10_000;

const count = z
  .string()
  .regex(/^[1-9]\d{0,4}$/, `must be a whole number from 1 to ${maxLines}`)
  .refine((text) => Number(text) <= maxLines, `must be at most ${maxLines}`)
  .optional();

const query = z.strictObject({
  realm: z.string().min(1).optional().describe('Group. Default: "default"'),
  profile: z.string().min(1).optional(),
  variety: z.string().min(1).optional(),
  top: count.describe("Only the first so many lines"),
  last: count.describe(`Only the last so many lines. Default, without top: ${defaultLines}`),
});

type LogQuery = z.infer<typeof query>;

export const logRoutes: readonly Route[] = [
  logRoute("/srv/services/logs/{service_name}/", "Output of an instance", (backend, ...rest) => backend.logs(...rest)),
  logRoute("/srv/services/launch-logs/{service_name}/", "How an instance came up", (backend, ...rest) =>
    backend.launchLogs(...rest),
  ),
];

function logRoute(
  path: string,
  summary: string,
  read: (backend: RestBackend, subject: LogSubject, range: LogRange, signal: AbortSignal) => Promise<string[]>,
): Route {
  return route({
    method: "GET",
    path,
    summary,
    description: "The name is that of an instance, or of a service that only one instance uses.",
    query,
    answerStatus: 200,
    answer: logsAnswer,
    refusals: {
      400: "The query is wrong, or several instances match",
      404: "Nothing of that name is wanted",
      503: "Its host cannot be reached",
    },
    handle: (call) => answerLogs(call, (subject, range) => read(call.backend, subject, range, call.signal)),
  });
}

async function answerLogs(
  { params, query: asked, backend, now }: Call<LogQuery, unknown>,
  read: (subject: LogSubject, range: LogRange) => Promise<string[]>,
): Promise<RestReply> {
  if (asked.top !== undefined && asked.last !== undefined)
    return refusal(400, "bad_request", "query: top and last exclude each other");
  const name = params["service_name"] ?? "";
  const instance = pickInstance(await backend.instances(), name, asked);
  const range: LogRange =
    asked.top === undefined ? { last: Number(asked.last ?? defaultLines) } : { first: Number(asked.top) };
  const lines = await read({ group: instance.group, instance: instance.name }, range);
  return {
    status: 200,
    body: {
      service_name: name,
      profile: profilesOf(instance)[0] ?? null,
      variety: varietiesOf(instance)[0] ?? null,
      request_datetime: new Date(now).toISOString(),
      is_top_n: asked.top !== undefined,
      is_bottom_n: asked.last !== undefined,
      lines,
    },
  };
}

/** The instance of that name, else the only one of that service; both within what else was asked for. */
function pickInstance(
  instances: readonly Instance[],
  name: string,
  { realm = "default", variety, profile }: LogQuery,
): Instance {
  const inRealm = instances.filter((instance) => (instance.group || "default") === realm);
  const named = inRealm.filter((instance) => instance.name === name);
  const matching = (named.length > 0 ? named : inRealm.filter((instance) => instance.service === name)).filter(
    (instance) =>
      (variety === undefined || varietiesOf(instance).includes(variety)) &&
      (profile === undefined || profilesOf(instance).includes(profile)),
  );
  const [first, second] = matching;
  if (first === undefined) {
    const known = inRealm.flatMap((instance) => [instance.name, instance.service]);
    const form = [variety, profile].filter((part) => part !== undefined).map((part) => `[${part}]`);
    throw new OzError("not_found", `nothing called ${name}${form.join("")} is wanted in realm ${realm}`, {
      hint: suggestion(name, new Set(known)),
    });
  }
  if (second !== undefined) {
    throw new OzError(
      "bad_request",
      `${matching.length} instances use ${name}: ${matching.map((instance) => instance.name).join(", ")}`,
      { hint: "Ask for one of them by its name." },
    );
  }
  return first;
}

function varietiesOf(instance: Instance): string[] {
  return [...new Set([...instance.units.map((unit) => unit.variety), instance.variety])].filter((name) => name !== "");
}

function profilesOf(instance: Instance): string[] {
  return [...new Set([...instance.units.map((unit) => unit.profile), instance.profile])].filter((name) => name !== "");
}
