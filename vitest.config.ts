import { defineConfig } from "vitest/config";

// Two projects: `unit` needs nothing but Node; `system` needs a container engine and runs one file at a time.
export default defineConfig({
  test: {
    coverage: {
      provider: "v8",
      include: ["core/**", "agent/**", "controlplane/**", "cli/**"],
      exclude: ["**/*.test.ts", "**/testing/**"],
      reporter: ["text-summary", "json-summary"],
      thresholds: {
        "core/**": { lines: 95 },
        "agent/plan/**": { lines: 95 },
        "controlplane/schedule/**": { lines: 95 },
      },
    },
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: [
            "{core,agent,controlplane,cli,scripts}/**/*.test.ts",
            "examples/**/*.test.ts",
            "tests/*.test.ts",
            "tests/golden/**/*.test.ts",
          ],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: ["tests/{integration,e2e,faults}/**/*.test.ts"],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
