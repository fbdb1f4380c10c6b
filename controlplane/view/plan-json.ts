// Reads a plan as it is stored.
import { fromJsonString } from "@bufbuild/protobuf";
import { type Plan, PlanSchema } from "#proto/settings_pb.ts";

export function planFromJson(text: string): Plan {
  return fromJsonString(PlanSchema, text, { ignoreUnknownFields: true });
}
