// Tells whether a container is the one that is wanted: a hash over the canonical JSON of the spec.
import { createHash } from "node:crypto";
import { toJson } from "@bufbuild/protobuf";
import { type ReplicaSpec, ReplicaSpecSchema } from "#proto/spec_pb.ts";

/** JSON with sorted keys: equal values give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value)
      .filter(([, v]) => v !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/** First 16 hex digits of the SHA-256 of the spec. */
export function specHash(spec: ReplicaSpec): string {
  return createHash("sha256")
    .update(canonicalJson(toJson(ReplicaSpecSchema, spec)))
    .digest("hex")
    .slice(0, 16);
}
