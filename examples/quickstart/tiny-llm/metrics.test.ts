import { describe, expect, it } from "vitest";
import { Metrics } from "./metrics.ts";

const idle = { running: 0, waiting: 0, asleep: false };
const valueOf = (page: string, start: string): number => {
  const line = page.split("\n").find((one) => one.startsWith(start));
  return Number(line?.split(" ").at(-1));
};

describe("Metrics", () => {
  it("counts tokens and ends under vLLM's names", () => {
    const metrics = new Metrics("m");
    metrics.record({
      reason: "stop",
      promptTokens: 7,
      generatedTokens: 5,
      firstTokenSeconds: 0.05,
      totalSeconds: 0.45,
    });
    metrics.record({
      reason: "abort",
      promptTokens: 3,
      generatedTokens: 0,
      firstTokenSeconds: undefined,
      totalSeconds: 2,
    });
    const page = metrics.text({ running: 1, waiting: 2, asleep: false });
    expect(valueOf(page, "vllm:prompt_tokens_total{")).toBe(10);
    expect(valueOf(page, "vllm:generation_tokens_total{")).toBe(5);
    expect(valueOf(page, "vllm:num_requests_running{")).toBe(1);
    expect(valueOf(page, "vllm:num_requests_waiting{")).toBe(2);
    expect(page).toContain('vllm:request_success_total{engine="0",model_name="m",finished_reason="stop"} 1\n');
    expect(page).toContain('vllm:request_success_total{engine="0",model_name="m",finished_reason="abort"} 1\n');
    expect(valueOf(page, "vllm:time_to_first_token_seconds_count")).toBe(1);
    expect(valueOf(page, "vllm:e2e_request_latency_seconds_sum")).toBeCloseTo(2.45);
  });

  it("has cumulative buckets that end in +Inf", () => {
    const metrics = new Metrics("m");
    for (const totalSeconds of [0.4, 3, 5000]) {
      metrics.record({ reason: "stop", promptTokens: 1, generatedTokens: 1, firstTokenSeconds: 0.3, totalSeconds });
    }
    const buckets = metrics
      .text(idle)
      .split("\n")
      .filter((line) => line.startsWith("vllm:e2e_request_latency_seconds_bucket"));
    const counts = buckets.map((line) => Number(line.split(" ").at(-1)));
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(counts[0]).toBe(0);
    expect(counts.at(-1)).toBe(3);
    expect(buckets.at(-1)).toContain('le="+Inf"');
  });

  it("escapes the model's name", () => {
    expect(new Metrics('a"b\\c').text(idle)).toContain('model_name="a\\"b\\\\c"');
  });
});
