// Fetches images: with a login where there is one, with progress in bytes, and never for ever.
import { OzError } from "#core/errors.ts";
import { formatDuration } from "#core/units.ts";
import type { DockerCalls } from "./docker-call.ts";
import { dockerError } from "./docker-errors.ts";
import type { ContainerEngine } from "./engine.ts";
import { parseImageName } from "./image-name.ts";
import { PullProgress, type PullLine } from "./pull-progress.ts";
import { registryAuth } from "./registry-login.ts";
import { linesOf } from "./text-lines.ts";

const answerTimeoutMs = 60_000;

/** fallbackLoginFile: the host's own Docker config, used for registries that the settings do not name. */
export function createPull(calls: DockerCalls, fallbackLoginFile: string): ContainerEngine["pull"] {
  return async (image, logins, onProgress, signal) => {
    const name = parseImageName(image);
    const context = { doing: `fetch ${image}`, image };
    const login = await registryAuth(name.registry, logins, fallbackLoginFile);
    const { stream, close } = await calls.open(context, signal, {
      method: "POST",
      path: "/images/create",
      query: { fromImage: name.repository, tag: name.reference },
      ...(login !== undefined && { login }),
      // The engine answers only after the registry did.
      timeoutMs: answerTimeoutMs,
    });
    const progress = new PullProgress();
    const stall = createStall(calls, image, close);
    try {
      stall.restart(progress.quietLimitMs);
      for await (const line of linesOf(stream)) {
        const said = JSON.parse(line) as PullLine;
        if (said.error !== undefined) throw dockerError(new Error(said.error), context);
        if (progress.take(said)) onProgress(progress.sums);
        stall.restart(progress.quietLimitMs);
      }
      // A stream that was cut by us may also end without an error.
      if (signal.aborted || stall.error !== undefined) throw new Error("cut");
    } catch (thrown) {
      if (stall.error !== undefined) throw stall.error;
      if (signal.aborted) throw new OzError("cancelled", `Fetching ${image} was ended.`, { cause: thrown });
      throw dockerError(thrown, context);
    } finally {
      stall.stop();
      close();
    }
  };
}

/** Ends a pull that says nothing for too long. */
function createStall(calls: DockerCalls, image: string, close: () => void) {
  let timer = { cancel() {} };
  const stall = {
    error: undefined as OzError | undefined,
    restart(quietLimitMs: number) {
      timer.cancel();
      timer = calls.clock.after(quietLimitMs, () => {
        const registry = parseImageName(image).registry;
        const quiet = formatDuration(quietLimitMs);
        stall.error = new OzError("timeout", `Fetching ${image} stopped: nothing came from ${registry} for ${quiet}.`, {
          hint: "Is the registry reachable from this host? What was fetched so far is kept for the next try.",
        });
        close();
      });
    },
    stop: () => timer.cancel(),
  };
  return stall;
}
