// What `ozctl status` says of the listeners.
import { create } from "@bufbuild/protobuf";
import { type StatusCheck, StatusCheckSchema } from "#proto/status_pb.ts";

export type ListenerChecks = {
  ok(name: string, message: string): void;
  failed(name: string, message: string, hint: string): void;
  list(): readonly StatusCheck[];
};

export function createListenerChecks(): ListenerChecks {
  const checks = new Map<string, StatusCheck>();
  return {
    ok: (name, message) => void checks.set(name, create(StatusCheckSchema, { name, ok: true, message })),
    failed: (name, message, hint) =>
      void checks.set(name, create(StatusCheckSchema, { name, ok: false, message, hint })),
    list: () => [...checks.values()],
  };
}
