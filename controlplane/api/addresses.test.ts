import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AddressService } from "#proto/address_pb.ts";
import { EventsService } from "#proto/events_pb.ts";
import { HostsService } from "#proto/hosts_pb.ts";
import { addressText } from "../address/address-text.ts";
import { startTestControlPlane, type TestControlPlane } from "../testing/control-plane.ts";

let plane: TestControlPlane;
beforeEach(async () => {
  plane = await startTestControlPlane();
});
afterEach(() => plane[Symbol.asyncDispose]());

const addresses = () => plane.client(AddressService);
const own = "https://127.0.0.1:7443";
/** Nobody listens there, and it is refused at once. */
const next = "https://127.0.0.2:1";

async function refusal(call: Promise<unknown>): Promise<[string | undefined, string]> {
  const error = ConnectError.from(await call.then(() => undefined).catch((thrown: unknown) => thrown));
  return [Code[error.code], error.rawMessage];
}

test("set is told, printed, said when it does not answer, and leaves a trace", async () => {
  await plane.addHost("alpha");
  await plane.addHost("beta");
  plane.hub.set("id-alpha", { dialedAddress: own });
  const { now, unreached } = await addresses().setAddresses({ addresses: ["127.0.0.2:1"] });
  expect(now?.addresses).toMatchObject([
    { address: next, present: true, hosts: [] },
    { address: own, present: false, hosts: [{ name: "alpha", address: own }] },
  ]);
  expect(now?.elsewhere).toMatchObject([{ name: "beta", address: "" }]);
  expect(unreached).toEqual([
    expect.objectContaining({ address: next, problem: expect.stringMatching(/^TCP: connect ECONNREFUSED/) }),
  ]);
  expect((await plane.client(HostsService).createInvite({})).address).toBe(next);
  await addresses().setAddresses({ addresses: ["127.0.0.2:1"] });
  const { events } = await plane.client(EventsService).listEvents({ subject: "controlplane" });
  expect(events.map(({ kind, actor, message }) => [kind, actor, message])).toEqual([
    ["address.set", "local root", `hosts are told ${next}`],
  ]);
});

test("an old one is forgotten once nobody dials it, or by force", async () => {
  await plane.addHost("alpha");
  plane.hub.set("id-alpha", { dialedAddress: own });
  await addresses().setAddresses({ addresses: ["127.0.0.2:1"] });
  expect(await refusal(addresses().forgetAddress({ address: "127.0.0.1" }))).toEqual([
    "FailedPrecondition",
    `${own} is what alpha dialled last, as far as is known`,
  ]);
  await plane.addHost("beta");
  plane.hub.set("id-alpha", { dialedAddress: next });
  expect((await refusal(addresses().forgetAddress({ address: "127.0.0.1" })))[1]).toContain("what beta dialled last");
  plane.hub.set("id-beta", { dialedAddress: next });
  plane.hub.set("id-alpha", { dialedAddress: own });
  expect((await refusal(addresses().forgetAddress({ address: "127.0.0.2:1" })))[0]).toBe("FailedPrecondition");
  expect((await refusal(addresses().forgetAddress({ address: "10.0.0.77" })))[0]).toBe("NotFound");
  const forced = await addresses().forgetAddress({ address: own, force: true });
  expect(forced.now).toMatchObject({ addresses: [{ address: next }], elsewhere: [{ name: "alpha", address: own }] });
  expect((await addresses().listAddresses({})).addresses).toHaveLength(1);
});

test("a word that is no address, and none at all, change nothing", async () => {
  for (const wrong of [[], ["10.0.0.256"], ["a.lan", ""]])
    expect((await refusal(addresses().setAddresses({ addresses: wrong })))[0]).toBe("InvalidArgument");
  expect((await addresses().listAddresses({})).addresses).toMatchObject([{ address: own, present: true }]);
  expect((await refusal(plane.client(AddressService, "").setAddresses({ addresses: ["a.lan"] })))[0]).toBe(
    "Unauthenticated",
  );
});

test("shown for people: who dials what, who cannot, and what may be forgotten", async () => {
  await plane.addHost("alpha");
  await addresses().setAddresses({ addresses: ["127.0.0.2:1"] });
  const text = async () => addressText(await addresses().listAddresses({}), Date.now(), true);
  expect(await text()).toContain("alpha never said what it dials");
  expect(await text()).not.toContain("No host needs");
  plane.hub.set("id-alpha", { dialedAddress: own, addressProblem: `${next}: TCP: no connection` });
  expect(await text()).toMatch(/^https:\/\/127\.0\.0\.1:7443 {2}old, \S+( \S+)? +alpha$/m);
  expect(await text()).toContain(`alpha does not reach ${next}: TCP: no connection`);
  plane.hub.set("id-alpha", { dialedAddress: next, addressProblem: "" });
  expect(await text()).toContain(`No host needs ${own} any more:  ozwald-controlplane address forget 127.0.0.1:7443`);
  plane.hub.set("id-alpha", { dialedAddress: "https://10.7.7.7:7443", state: "offline" });
  expect(await text()).toContain("alpha dials https://10.7.7.7:7443, which is none of these");
  plane.hub.set("id-alpha", { dialedAddress: "https://localhost:7443" });
  expect(await text()).toContain("alpha is this machine, and dials https://localhost:7443\n");
});
