// What every container request needs to know of the host. The engine knows it, and it changes only with the engine's own restart.
import type { RequestOptions } from "./container-request.ts";

type EngineInfo = {
  readonly NCPU?: number | undefined;
  readonly Runtimes?: Readonly<Record<string, unknown>> | undefined;
};

export type RequestHost = {
  /** Asked of the engine once. A failed question is asked again next time. */
  options(): Promise<RequestOptions>;
  /** The engine may have been restarted, with another runtime: it is asked again. */
  forget(): void;
};

export function createRequestHost(
  ask: () => Promise<EngineInfo>,
  gpuPaths: NonNullable<RequestOptions["gpuPaths"]>,
): RequestHost {
  let known: Promise<RequestOptions> | undefined;
  return {
    options() {
      const asked = (known ??= ask().then((info) => ({
        ...(info.NCPU !== undefined && { hostCpus: info.NCPU }),
        nvidiaRuntime: info.Runtimes?.["nvidia"] !== undefined,
        gpuPaths,
      })));
      asked.catch(() => {
        if (known === asked) known = undefined;
      });
      return asked;
    },
    forget: () => void (known = undefined),
  };
}
