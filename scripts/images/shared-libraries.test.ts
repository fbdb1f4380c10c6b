import { describe, expect, it } from "vitest";
import { parseLdd } from "./shared-libraries.ts";

const output = `/bin/node:
\tlinux-vdso.so.1 (0x00007ffc0b5fe000)
\tlibstdc++.so.6 => /lib/x86_64-linux-gnu/libstdc++.so.6 (0x00007f1e6ea00000)
\tlibown.so => /stage/app/libown.so (0x00007f1e6e000000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f1e6ee1f000)
`;

describe("parseLdd", () => {
  it("takes libraries and the loader, not what the kernel provides", () => {
    expect(parseLdd(output)).toEqual([
      "/lib/x86_64-linux-gnu/libstdc++.so.6",
      "/stage/app/libown.so",
      "/lib64/ld-linux-x86-64.so.2",
    ]);
  });

  it("names what is missing", () => {
    expect(() => parseLdd(`${output}\tlibatomic.so.1 => not found\n`)).toThrow(/missing here: libatomic.so.1/);
  });
});
