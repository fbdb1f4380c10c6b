import { describe, expect, test } from "vitest";
import { fakeBackend, get, serve } from "./testing/rest-server.ts";

describe("hosts", () => {
  test("numbers that are not known are null, never 0", async () => {
    const { base } = await serve(fakeBackend());
    expect((await get(base, "/srv/host/resources")).body).toEqual({
      host: "devbox",
      total_cpu_cores: 2,
      available_cpu_cores: 1.5,
      total_ram_gb: 24,
      available_ram_gb: 12,
      total_vram_gb: null,
      available_vram_gb: null,
      total_gpus: null,
      available_gpus: null,
      gpus: [],
    });
    expect((await get(base, "/srv/host/resources?host=silent")).body).toMatchObject({
      total_cpu_cores: 8,
      available_cpu_cores: null,
      total_ram_gb: 1,
      available_ram_gb: null,
    });
  });

  test("GPUs: unique ids, megabytes, and available below 90 % in use", async () => {
    const { base } = await serve(fakeBackend());
    const { body } = await get(base, "/srv/host/resources?host=tower");
    expect(body).toMatchObject({
      total_gpus: 2,
      available_gpus: [1],
      total_vram_gb: 48,
      available_vram_gb: 21,
      total_ram_gb: null,
    });
    expect(body.gpus.map((gpu: any) => [gpu.id, gpu.total_vram, gpu.available_vram])).toEqual([
      [0, 24576, 1024],
      [1, 24576, 20480],
    ]);
    const { body: list } = await get(base, "/srv/resources/available/?host=tower");
    expect(list.map((r: any) => [r.name, r.value])).toEqual([
      ["cpu", null],
      ["memory", null],
      ["vram", 21],
      ["gpu_0", 1024],
      ["gpu_1", 20480],
    ]);
  });

  test("an unknown host is 404 with a suggestion, a misspelt query 400, no host at all 503", async () => {
    const { base } = await serve(fakeBackend());
    expect(await get(base, "/srv/host/resources?host=towr")).toMatchObject({
      status: 404,
      body: { hint: "Did you mean tower?" },
    });
    expect(await get(base, "/srv/host/resources?hots=tower")).toMatchObject({
      status: 400,
      body: { detail: "query.hots: unknown key. Did you mean host?" },
    });
    const empty = await serve(
      fakeBackend({ hosts: () => Promise.resolve([]), localHostName: () => Promise.resolve(undefined) }),
    );
    expect((await get(empty.base, "/srv/resources/available/")).status).toBe(503);
  });
});
