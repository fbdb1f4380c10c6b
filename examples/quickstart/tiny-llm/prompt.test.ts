import { describe, expect, it, vi } from "vitest";

// The template engine is inside the image only; what is checked here is what we hand to it.
const rendered: Record<string, unknown>[] = [];
vi.mock("@huggingface/jinja", () => ({
  Template: class {
    readonly #source: string;
    constructor(source: string) {
      this.#source = source;
    }
    render(values: Record<string, unknown>): string {
      if (this.#source === "raise") throw new Error("roles must alternate");
      rendered.push(values);
      return "text";
    }
  },
}));

const { chatRenderer, withSystemPrompt } = await import("./prompt.ts");
const user = { role: "user", content: "hi" };

describe("chatRenderer", () => {
  it("gives the model's template the messages and its special texts", () => {
    expect(chatRenderer("{{ x }}", { bos: "<s>", eos: "</s>" })([user])).toBe("text");
    expect(rendered).toEqual([{ messages: [user], add_generation_prompt: true, bos_token: "<s>", eos_token: "</s>" }]);
  });

  it("turns a template's refusal into a 400", () => {
    expect(() => chatRenderer("raise", { bos: "", eos: "" })([user])).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringContaining("roles must alternate") }),
    );
  });

  it("writes a transcript without a template", () => {
    expect(chatRenderer(undefined, { bos: "", eos: "" })([user])).toBe("user: hi\nassistant:");
  });
});

describe("withSystemPrompt", () => {
  it("opens a chat that has no system message, and only that", () => {
    expect(withSystemPrompt([user], "be kind")[0]).toEqual({ role: "system", content: "be kind" });
    expect(withSystemPrompt([user], "")).toEqual([user]);
    const own = [{ role: "system", content: "own" }, user];
    expect(withSystemPrompt(own, "be kind")).toBe(own);
  });
});
