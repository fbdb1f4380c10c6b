// Starts the agent.
import { main } from "./main.ts";

const argv = process.argv.slice(2);
void main(argv).then((code) => {
  process.exitCode = code;
  // All is on disk by now; what the engine has not answered yet is not worth waiting for.
  if (argv[0] === "run") process.exit();
});
