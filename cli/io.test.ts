import { spawn } from "node:child_process";
import { expect, test, vi } from "vitest";

/** Writes 256 pieces of 64 KiB, and tells its parent how many are written. */
const writer = `
  import { processIo } from ${JSON.stringify(import.meta.resolve("./io.ts"))};
  const io = processIo();
  for (let pieces = 1; pieces <= 256; pieces++) {
    io.out(Buffer.alloc(65536, 7));
    await io.taken();
    process.send(pieces);
  }
  process.disconnect();
`;

test("what is written waits for who reads it, and arrives whole", async () => {
  const program = spawn(process.execPath, ["--input-type=module", "-e", writer], {
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  try {
    let written = 0;
    program.on("message", (pieces) => (written = Number(pieces)));
    let before = -1;
    await vi.waitUntil(() => written > 0 && before === (before = written), { timeout: 10_000, interval: 200 });
    expect(written).toBeLessThan(16);
    let bytes = 0;
    for await (const chunk of program.stdout!) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(256 * 65_536);
  } finally {
    program.kill("SIGKILL");
  }
});
