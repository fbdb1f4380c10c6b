import { expect, test } from "vitest";
import { networkName, volumeName } from "./container-name.ts";

const clusterId = "abcdef123456";

test("names are as people read them", () => {
  expect(networkName(clusterId, "default")).toBe("ozwald-abcdef-default");
  expect(networkName(clusterId, "shop-test")).toBe("ozwald-abcdef-shop-test");
  expect(volumeName(clusterId, "default", "model-cache")).toBe("ozwald-abcdef-default-model-cache");
});

test("no two groups share a volume, wherever the dashes are", () => {
  expect(volumeName(clusterId, "shop", "test-data")).toBe("ozwald-abcdef-shop-test-data");
  expect(volumeName(clusterId, "shop-test", "data")).toMatch(/^ozwald-abcdef-shop-test\.[0-9a-f]{8}-data$/);
});

test("no two groups share a network or a volume because their names are long", () => {
  const [one, other] = ["live", "test"].map((end) => `${"customer-with-a-long-name-".repeat(2)}${end}`) as [
    string,
    string,
  ];
  expect(networkName(clusterId, one)).not.toBe(networkName(clusterId, other));
  expect(volumeName(clusterId, one, "data")).not.toBe(volumeName(clusterId, other, "data"));
  for (const name of [networkName(clusterId, one), volumeName(clusterId, one, "data")])
    expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/);
});
