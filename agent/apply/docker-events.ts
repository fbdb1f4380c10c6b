// Wakes the agent when something happened to a container of ours. Says only "look again": what is true comes from looking.
import { jitteredBackoffMs, type Backoff } from "#core/backoff.ts";
import { sleep } from "#core/clock.ts";
import { toOzError } from "#core/errors.ts";
import type { Log } from "#core/log.ts";
import type { DockerCalls } from "./docker-call.ts";
import { labels } from "./engine.ts";
import { linesOf } from "./text-lines.ts";

/** exec_* is left out: the engine's own health checks make two of them every few seconds. */
const happenings = ["create", "start", "die", "oom", "destroy", "rename", "pause", "unpause", "health_status"];
const coalesceMs = 20;
const resubscribe: Backoff = { minMs: 100, maxMs: 8_000 };

export type WatchOptions = { readonly clusterId: string; readonly log: Log; readonly random: () => number };

/** Subscribes until the signal aborts. Calls onChange after every (new) subscription too: what happened meanwhile is not known. `lost`: one ended. */
export function watchEvents(
  calls: DockerCalls,
  options: WatchOptions,
  onChange: (lost: boolean) => void,
  signal: AbortSignal,
): void {
  const notify = coalesced(calls, onChange, signal);
  const filters = JSON.stringify({
    type: ["container"],
    label: [`${labels.cluster}=${options.clusterId}`],
    event: happenings,
  });
  let since = "";
  const subscribe = async (onOpen: () => void) => {
    const query = since === "" ? { filters } : { filters, since };
    const { stream, close } = await calls.open({ doing: "watch containers" }, signal, {
      method: "GET",
      path: "/events",
      query,
    });
    onOpen();
    notify();
    try {
      for await (const line of linesOf(stream)) {
        since = timeOf(line) ?? since;
        notify();
      }
    } finally {
      close();
      // An end is news as well: the engine goes away, which a look may not notice.
      notify(true);
    }
  };
  void keepSubscribed(calls, options, subscribe, signal);
}

async function keepSubscribed(
  calls: DockerCalls,
  options: WatchOptions,
  subscribe: (onOpen: () => void) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      await subscribe(() => {
        if (failures > 0) options.log.info("the container engine answers again");
        failures = 0;
      });
    } catch (thrown) {
      if (signal.aborted) return;
      // Once is enough: it may stay away for long.
      if (failures === 0) options.log.warn({ reason: toOzError(thrown).message }, "the container engine went away");
    }
    // Full jitter may be 0: a floor keeps a broken engine from being asked in a tight loop.
    await sleep(calls.clock, resubscribe.minMs + jitteredBackoffMs(resubscribe, failures, options.random()), signal);
  }
}

/** Many events in a row become one call. */
function coalesced(
  calls: DockerCalls,
  onChange: (lost: boolean) => void,
  signal: AbortSignal,
): (lost?: boolean) => void {
  let waiting = false;
  let anyLost = false;
  return (lost = false) => {
    anyLost ||= lost;
    if (waiting) return;
    waiting = true;
    calls.clock.after(coalesceMs, () => {
      const told = anyLost;
      waiting = anyLost = false;
      if (!signal.aborted) onChange(told);
    });
  };
}

/** Time of an event as `since` takes it: seconds with nine decimals. */
export function timeOf(line: string): string | undefined {
  // Not JSON.parse: nanoseconds since 1970 do not fit in a double.
  const nanoseconds = /"timeNano":(\d+)/.exec(line)?.[1];
  return nanoseconds === undefined ? undefined : `${nanoseconds.slice(0, -9)}.${nanoseconds.slice(-9)}`;
}
