// Health check and restart of a Compose service.
import { spanText } from "./amounts.ts";
import { type InputMap, plainText } from "./input-map.ts";
import type { LayerDraft } from "./layer-draft.ts";
import { shown } from "./notes.ts";

/** Writes the health check; a command of one word becomes a probe of the agent, which needs no shell in the image. */
export function importHealthcheck(input: InputMap, draft: LayerDraft): void {
  const map = input.map("healthcheck");
  if (map === undefined) return;
  const test = map.take("test");
  const disable = map.truth("disable");
  const [interval, timeout] = [spanText(map.text("interval")), spanText(map.text("timeout"))];
  const [retries, start] = [map.number("retries"), spanText(map.text("start_period"))];
  map.close({ start_interval: "until it is ready, a check of the engine runs at its one interval." });
  const words = Array.isArray(test) ? test.map(plainText) : undefined;
  const times = { ...(interval && { interval }), ...(timeout && { timeout }) };
  if (words?.[0] === "CMD" && words.length === 2) {
    if (start !== undefined) map.refuse("start_period", "the check became a probe, which waits by itself.");
    map.changed("test", "a command of one word is run by the agent, as a probe.");
    const threshold = retries === undefined || retries === 0 ? {} : { failure_threshold: retries };
    draft.append("probes", { exec: { command: [words[1]] }, ...times, ...threshold }, "healthcheck");
    return;
  }
  if (Array.isArray(test) && !["CMD", "CMD-SHELL", "NONE"].includes(words?.[0] ?? "")) {
    return map.refuse(
      "test",
      `${JSON.stringify(test)} does not begin with CMD, CMD-SHELL or NONE; with it goes ${shown({ ...times, retries, start })}.`,
    );
  }
  if (words !== undefined && words[0] !== "NONE" && words.length < 2)
    return map.refuse("test", `it has no command; with it goes ${shown({ ...times, retries, start })}.`);
  const check = {
    ...(test !== undefined && { test: words ?? test }),
    ...times,
    ...(retries !== undefined && retries > 0 && { retries }),
    ...(start !== undefined && { start_period: start }),
    ...(disable !== undefined && { disable }),
  };
  if (Object.keys(check).length > 0) draft.put("healthcheck", check, "healthcheck");
}

/** Writes the restart policy. Compose starts nothing again unless told. */
export function importRestart(input: InputMap, draft: LayerDraft, deploy: InputMap | undefined): void {
  const policy = deploy?.map("restart_policy");
  const condition = policy?.text("condition") ?? (policy === undefined ? undefined : "any");
  for (const [key, setting] of [
    ["delay", "backoff_min"],
    ["window", "window"],
  ] as const) {
    const span = policy?.text(key);
    if (span !== undefined) policy?.refuse(key, `${span} has another meaning here; see restart.${setting}.`);
  }
  policy?.close({ max_attempts: "attempts are counted in another way here; see restart.max_starts_without_ready." });
  const [written, attempts] = (input.text("restart") ?? (policy === undefined ? "no" : "")).split(":");
  if (attempts !== undefined)
    input.changed("restart", `on-failure without its limit of ${attempts}; see restart.max_starts_without_ready.`);
  if (condition !== undefined) {
    if (written !== "") input.notNeeded("restart", "deploy.restart_policy says it.");
    const conditions: Record<string, string> = { none: "never", "on-failure": "on-failure", any: "always" };
    draft.put("restart", conditions[condition] ?? condition, "deploy.restart_policy.condition");
  } else draft.put("restart", written === "no" || written === "false" ? "never" : written, "restart");
}
