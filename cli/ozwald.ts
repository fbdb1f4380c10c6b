// Starts ozwald, the command of the original.
import { processIo } from "./io.ts";
import { originalMain } from "./original/main.ts";

void originalMain(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code;
});
