// One route of the REST interface: what it takes, what it answers, and how it is described. The OpenAPI document is made from the same rows.
import * as z from "zod";
import { nearest } from "#core/names.ts";
import type { RestBackend } from "./rest-backend.ts";
import { refusal, type RestReply } from "./rest-reply.ts";

export type Call<Query, Body> = {
  /** Values of the {names} in the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly backend: RestBackend;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly signal: AbortSignal;
};

export type RawCall = Omit<Call<never, never>, "query" | "body"> & {
  readonly query: URLSearchParams;
  readonly text: string;
};

type Described = {
  readonly method: "GET" | "POST";
  /** With {name} segments. A trailing slash may be sent or left out. */
  readonly path: string;
  /** Other paths that mean the same. */
  readonly aliases?: readonly string[];
  /** True for the one route that needs no key. */
  readonly open?: boolean;
  readonly summary: string;
  readonly description?: string;
  readonly answerStatus: number;
  readonly answer: z.ZodType;
  /** Status → when it is given; 401 and 500 are given by all and need no row. */
  readonly refusals: Readonly<Record<number, string>>;
};

type Definition<Query extends z.ZodObject, Body extends z.ZodType> = Described & {
  readonly query?: Query;
  readonly body?: Body;
  handle(call: Call<z.infer<Query>, z.infer<Body>>): Promise<RestReply>;
};

export type Route = Described & {
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  run(call: RawCall): Promise<RestReply>;
};

const noQuery = z.strictObject({});

/** Makes a row of the table. A wrong query is 400, a wrong body 422, both with every problem in one text. */
export function route<Query extends z.ZodObject = typeof noQuery, Body extends z.ZodType = z.ZodUndefined>(
  definition: Definition<Query, Body>,
): Route {
  const { query, body, handle, ...described } = definition;
  return {
    ...described,
    query,
    body,
    async run({ query: sent, text, ...call }) {
      const parsedQuery = parseQuery(query ?? noQuery, sent);
      if ("refused" in parsedQuery) return parsedQuery.refused;
      const parsedBody = body === undefined ? { value: undefined } : parseBody(body, text);
      if ("refused" in parsedBody) return parsedBody.refused;
      return handle({ ...call, query: parsedQuery.value as z.infer<Query>, body: parsedBody.value as z.infer<Body> });
    },
  };
}

type Parsed = { value: unknown } | { refused: RestReply };

function parseQuery(schema: z.ZodObject, sent: URLSearchParams): Parsed {
  const twice = [...sent.keys()].find((key) => sent.getAll(key).length > 1);
  if (twice !== undefined) return { refused: refusal(400, "bad_request", `query ${twice}: given more than once`) };
  const result = schema.safeParse(Object.fromEntries(sent));
  if (result.success) return { value: result.data };
  return { refused: refusal(400, "bad_request", explain("query", result.error, Object.keys(schema.shape))) };
}

function parseBody(schema: z.ZodType, text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return {
      refused: refusal(
        422,
        "bad_request",
        `body: not JSON (${error instanceof Error ? error.message : "cannot be read"})`,
      ),
    };
  }
  const result = schema.safeParse(value);
  if (result.success) return { value: result.data };
  const element = schema instanceof z.ZodArray ? schema.element : schema;
  const known = element instanceof z.ZodObject ? Object.keys(element.shape) : [];
  return { refused: refusal(422, "bad_request", explain("body", result.error, known)) };
}

/** Every problem, the place before the words: "body[0].name: …". */
function explain(what: string, error: z.ZodError, known: readonly string[]): string {
  return error.issues
    .map((issue) => {
      const place = issue.path.reduce<string>(
        (text, key) => (typeof key === "number" ? `${text}[${key}]` : `${text}.${String(key)}`),
        what,
      );
      return issue.code === "unrecognized_keys"
        ? unknownKeys(place, issue.keys, known)
        : `${place}: ${lowerFirst(issue.message)}`;
    })
    .join("; ");
}

function unknownKeys(place: string, keys: readonly string[], known: readonly string[]): string {
  return keys
    .map((key) => {
      const near = nearest(key, known);
      return `${place}.${key}: unknown key. ${near === undefined ? `There are: ${known.join(", ") || "none"}.` : `Did you mean ${near}?`}`;
    })
    .join("; ");
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
