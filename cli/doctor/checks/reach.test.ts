// Each way in which the control plane cannot be reached is one check, and those behind it are unknown.
import { expect, test } from "vitest";
import { wellFacts } from "../../testing/facts.ts";
import { diagnose } from "../check.ts";
import { stages } from "../facts.ts";
import { reachChecks } from "./reach.ts";

const names = ["name-lookup", "connection", "tls", "authority", "token"];

test.each(stages.map((stage, i) => [stage, i] as const))("%s", (stage, i) => {
  const reach = { address: "https://10.0.0.5:7443", failed: { stage, message: "what happened", hint: "what to try" } };
  expect(diagnose(reachChecks, { ...wellFacts, reach })).toEqual(
    names.map((check, at) =>
      at === i
        ? {
            ...{ check, result: "problem" },
            troubles: [{ subject: "https://10.0.0.5:7443", message: "what happened", fix: "what to try" }],
          }
        : { check, result: at < i ? "ok" : "unknown", troubles: [] },
    ),
  );
});
