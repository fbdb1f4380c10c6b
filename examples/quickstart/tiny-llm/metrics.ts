// Prometheus text with vLLM's metric names, so that dashboards, scalers and gateways written for vLLM read this server too.

type Kind = "counter" | "gauge" | "histogram";
type Histogram = { bounds: readonly number[]; counts: number[]; sum: number; count: number };

const FIRST_TOKEN_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const LATENCY_BOUNDS = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960];
const INTER_TOKEN_BOUNDS = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const FINISH_REASONS = ["stop", "length", "abort"] as const;

export type FinishReason = (typeof FINISH_REASONS)[number];

/** What one finished request contributes. Times in seconds from its arrival. */
export type Finished = {
  reason: FinishReason;
  promptTokens: number;
  generatedTokens: number;
  /** Undefined when no token came. */
  firstTokenSeconds: number | undefined;
  totalSeconds: number;
};

export type Gauges = { running: number; waiting: number; asleep: boolean };

export class Metrics {
  readonly #modelName: string;
  #promptTokens = 0;
  #generatedTokens = 0;
  readonly #finished = new Map<FinishReason, number>(FINISH_REASONS.map((reason) => [reason, 0]));
  readonly #firstToken = newHistogram(FIRST_TOKEN_BOUNDS);
  readonly #interToken = newHistogram(INTER_TOKEN_BOUNDS);
  readonly #latency = newHistogram(LATENCY_BOUNDS);

  constructor(modelName: string) {
    this.#modelName = modelName;
  }

  record(request: Finished): void {
    this.#promptTokens += request.promptTokens;
    this.#generatedTokens += request.generatedTokens;
    this.#finished.set(request.reason, (this.#finished.get(request.reason) ?? 0) + 1);
    observe(this.#latency, request.totalSeconds);
    if (request.firstTokenSeconds === undefined) return;
    observe(this.#firstToken, request.firstTokenSeconds);
    if (request.generatedTokens < 2) return;
    observe(this.#interToken, (request.totalSeconds - request.firstTokenSeconds) / (request.generatedTokens - 1));
  }

  /** The whole page. */
  text(now: Gauges): string {
    const base = `engine="0",model_name="${escapeLabel(this.#modelName)}"`;
    const one = (name: string, kind: Kind, help: string, value: number): string =>
      `${head(name, kind, help)}vllm:${name}{${base}} ${value}\n`;
    const finished = [...this.#finished]
      .map(([reason, count]) => `vllm:request_success_total{${base},finished_reason="${reason}"} ${count}\n`)
      .join("");
    return [
      one("num_requests_running", "gauge", "Requests that generate now.", now.running),
      one("num_requests_waiting", "gauge", "Requests that wait for a place.", now.waiting),
      one("prompt_tokens_total", "counter", "Prompt tokens read.", this.#promptTokens),
      one("generation_tokens_total", "counter", "Tokens generated.", this.#generatedTokens),
      head("request_success_total", "counter", "Requests that ended, by reason.") + finished,
      histogramText("time_to_first_token_seconds", "Arrival to first token.", base, this.#firstToken),
      histogramText("inter_token_latency_seconds", "Mean time between tokens of a request.", base, this.#interToken),
      histogramText("e2e_request_latency_seconds", "Arrival to end.", base, this.#latency),
      head("engine_sleep_state", "gauge", "1 for the state the engine is in.") +
        `vllm:engine_sleep_state{${base},sleep_state="awake"} ${now.asleep ? 0 : 1}\n` +
        `vllm:engine_sleep_state{${base},sleep_state="discard_all"} ${now.asleep ? 1 : 0}\n`,
    ].join("");
  }
}

function newHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: bounds.map(() => 0), sum: 0, count: 0 };
}

function observe(histogram: Histogram, value: number): void {
  histogram.sum += value;
  histogram.count += 1;
  for (const [index, bound] of histogram.bounds.entries()) {
    if (value <= bound) histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  }
}

function histogramText(name: string, help: string, base: string, histogram: Histogram): string {
  const lines = histogram.bounds.map(
    (bound, i) => `vllm:${name}_bucket{${base},le="${bound}"} ${histogram.counts[i]}\n`,
  );
  lines.push(`vllm:${name}_bucket{${base},le="+Inf"} ${histogram.count}\n`);
  lines.push(`vllm:${name}_sum{${base}} ${histogram.sum}\n`, `vllm:${name}_count{${base}} ${histogram.count}\n`);
  return head(name, "histogram", help) + lines.join("");
}

function head(name: string, kind: Kind, help: string): string {
  return `# HELP vllm:${name} ${help}\n# TYPE vllm:${name} ${kind}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
