import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type ChannelRequest, ChannelRequestSchema } from "#proto/agent_pb.ts";
import { OzError } from "#core/errors.ts";
import { GetLogsRequestSchema } from "#proto/logs_pb.ts";
import { ReplicaSchema } from "#proto/replicas_pb.ts";
import type { HostChannel } from "../agents/channels.ts";
import type { ChannelTarget } from "./channel-target.ts";
import { instanceLogs, type LogContext } from "./logs.ts";

const said = (message: ChannelRequest["message"]) => create(ChannelRequestSchema, { message });
const line = (text: string) => said({ case: "stdout", value: Buffer.from(text) });
const closed = (error: string) =>
  said({ case: "closed", value: { $typeName: "ozwald.v1.ChannelClosed", exitCode: 0, error } });

/** What each host says before its channel ends, or why there is none. */
const hosts: Record<string, ChannelRequest[] | OzError> = {
  well: [line("one\n"), line("two\n"), closed("")],
  empty: [closed("nothing of web has run on this host yet")],
  away: new OzError("unavailable", "the agent of host away is not connected", { hint: "See `ozctl hosts`." }),
};
const hub: LogContext["hub"] = {
  async openChannel(hostId) {
    const messages = hosts[hostId] ?? [];
    if (messages instanceof OzError) throw messages;
    const channel: HostChannel = {
      send: async () => {},
      cancel() {},
      async *[Symbol.asyncIterator]() {
        yield* messages;
      },
    };
    return channel;
  },
};

async function read(...hostIds: string[]) {
  const targets = hostIds.map((hostId, slot): ChannelTarget => ({
    hostId,
    replica: create(ReplicaSchema, { slot, instance: "web" }),
  }));
  const request = create(GetLogsRequestSchema, { instance: "web", group: "shop" });
  const lines: string[] = [];
  const reading = (async () => {
    for await (const { slot, data, stderr } of instanceLogs({ hub }, targets, request, new AbortController().signal))
      lines.push(`${slot}${stderr ? "!" : ""} ${Buffer.from(data).toString().trimEnd()}`);
    return "";
  })();
  const problem = await reading.catch((error: OzError) => `${error.code}: ${error.message}`);
  return { lines: lines.toSorted(), problem };
}

test("a replica that cannot be read keeps nobody from the others, and is told", async () => {
  expect(await read("well", "away", "well", "empty")).toEqual({
    lines: [
      "0 one",
      "0 two",
      "1! the agent of host away is not connected. See `ozctl hosts`.",
      "2 one",
      "2 two",
      "3! nothing of web has run on this host yet",
    ],
    problem: "failed: 2 of 4 replicas of shop:web could not be read to the end",
  });
});

test("all well; and one alone says itself what is wrong", async () => {
  expect(await read("well", "well")).toMatchObject({ problem: "" });
  expect(await read("away")).toEqual({ lines: [], problem: "unavailable: the agent of host away is not connected" });
  expect(await read("empty")).toMatchObject({ problem: "failed: nothing of web has run on this host yet" });
});
