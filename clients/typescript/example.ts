// Lists, applies, watches and chats:  node example.ts ozwald.yml tiny-llm
import { readFileSync } from "node:fs";
import { connect, type OperationStep } from "./src/index.ts";

const [file = "ozwald.yml", name = "tiny-llm"] = process.argv.slice(2);
const stands = (step: OperationStep) => `${step.instance} ${step.done ? "done" : step.failed ? `failed: ${step.replica?.reason}` : "…"}`;
const ozwald = connect();
const { hosts } = await ozwald.hosts.listHosts({});
console.log("hosts:", hosts.map((host) => `${host.name} (${host.inventory?.cpuCores ?? "?"} cores)`).join(", "));
const { operationId: id } = await ozwald.settings.applySettings({ files: [{ name: file, text: readFileSync(file, "utf8") }] });
if (id !== 0n)
  for await (const { operation } of ozwald.operations.watchOperation({ id }, { signal: AbortSignal.timeout(600_000) }))
    console.log(`operation ${id}:`, operation?.steps.map(stands).join(", "));
const { instances } = await ozwald.instances.listInstances({});
const endpoint = instances.find((instance) => instance.name === name)?.units[0]?.observed?.endpoints[0];
if (endpoint === undefined) throw new Error(`${name} has no endpoint; what is wrong: ozctl why ${name}`);
const body = JSON.stringify({ model: name, messages: [{ role: "user", content: "What is the capital of France?" }], max_tokens: 40 });
const answer = await fetch(`http://${endpoint.address}:${endpoint.port}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body });
console.log("model:", ((await answer.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content);
