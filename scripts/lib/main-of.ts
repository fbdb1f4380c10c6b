// The last line of every script: run it, and turn what it throws into words and an exit code.

import { errorCodes, toOzError } from "#core/errors.ts";

export function mainOf(main: () => Promise<void>): void {
  // Whoever reads our lines may stop reading; the work goes on.
  process.stdout.on("error", () => undefined);
  main().catch((thrown: unknown) => {
    const error = toOzError(thrown, "failed");
    process.stderr.write(`${error.message}\n`);
    if (error.hint !== "") process.stderr.write(`Try: ${error.hint}\n`);
    if (error.code === "internal" && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
    process.exitCode = errorCodes[error.code].exit;
  });
}
