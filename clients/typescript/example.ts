// Lists, applies, watches and chats:  node example.ts ozwald.yml tiny-llm
import { readFileSync } from "node:fs";
import { connect, OperationState } from "./src/index.ts";

const [file = "ozwald.yml", name = "tiny-llm"] = process.argv.slice(2);
const ozwald = connect();
const { hosts } = await ozwald.hosts.listHosts({});
console.log("hosts:", hosts.map((host) => `${host.name} (${host.inventory?.cpuCores ?? "?"} cores)`).join(", "));
const { operationId } = await ozwald.settings.applySettings({ files: [{ name: file, text: readFileSync(file, "utf8") }] });
if (operationId !== 0n) {
  for await (const { operation } of ozwald.operations.watchOperation({ id: operationId }, { signal: AbortSignal.timeout(600_000) })) {
    const steps = operation?.steps.map((step) => `${step.instance} ${step.done ? "done" : step.failed ? "failed" : "…"}`);
    console.log(`operation ${operationId}: ${steps?.join(", ")}`);
    if (operation && operation.state !== OperationState.RUNNING && operation.state !== OperationState.DONE) throw new Error(operation.steps.map((step) => step.replica?.reason).join("; "));
  }
}
const { instances } = await ozwald.instances.listInstances({});
const endpoint = instances.find((instance) => instance.name === name)?.units[0]?.observed?.endpoints[0];
if (endpoint === undefined) throw new Error(`${name} has no endpoint`);
const answer = await fetch(`http://${endpoint.address}:${endpoint.port}/v1/chat/completions`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ model: name, messages: [{ role: "user", content: "What is the capital of France?" }], max_tokens: 40 }),
  signal: AbortSignal.timeout(60_000),
});
const { choices } = (await answer.json()) as { choices: { message: { content: string } }[] };
console.log("model:", choices[0]?.message.content);
