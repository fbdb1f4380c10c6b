import { describe, expect, it } from "vitest";
import { answer, chunk, readCompletionRequest, usage, usageChunk } from "./openai.ts";

const chat = (body: object) =>
  readCompletionRequest({ messages: [{ role: "user", content: "hi" }], ...body }, true, "m");

describe("readCompletionRequest", () => {
  it("reads a chat with parts, streaming and both names for the answer's length", () => {
    const request = chat({
      messages: [
        { role: "developer", content: "be short" },
        { role: "user", content: [{ type: "text", text: "hi" }] },
      ],
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 5,
      max_completion_tokens: 9,
      stop: "END",
    });
    expect(request.messages).toEqual([
      { role: "system", content: "be short" },
      { role: "user", content: "hi" },
    ]);
    expect(request).toMatchObject({ stream: true, includeUsage: true, maxTokens: 9, stop: ["END"] });
  });

  it("reads a plain prompt, also as a list of one", () => {
    expect(readCompletionRequest({ prompt: ["once"] }, false, "m").prompt).toBe("once");
  });

  it.each([
    [{ messages: [] }, "messages: must be a list"],
    [{ messages: [{ content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user", content: [{ type: "image_url" }] }] }, "text only"],
    [{ temperature: 3 }, "temperature: must be a number from 0 to 2"],
    [{ max_tokens: 1.5 }, "max_tokens: must be a whole number"],
    [{ n: 2 }, "n: only 1 answer"],
    [{ stream: "yes" }, "stream: must be true or false"],
    [{ stop: [1] }, "stop: must be a text"],
  ])("refuses %j", (body, message) => {
    expect(() => chat(body)).toThrow(message);
  });

  it("refuses what is not an object, and another model with 404", () => {
    expect(() => readCompletionRequest([1], true, "m")).toThrow("must be a JSON object");
    expect(() => chat({ model: "gpt" })).toThrow(expect.objectContaining({ status: 404, code: "model_not_found" }));
  });
});

describe("answers", () => {
  const head = { id: "x", created: 1, model: "m", chat: true };

  it("has the shape of a chat completion", () => {
    expect(answer(head, "Paris", "stop", usage(3, 2))).toMatchObject({
      object: "chat.completion",
      choices: [{ message: { role: "assistant", content: "Paris" }, finish_reason: "stop" }],
      usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
    });
  });

  it("streams role, text, end and usage", () => {
    const delta = (piece: object) => (piece as { choices: { delta: object }[] }).choices[0]?.delta;
    expect(delta(chunk(head, undefined, null))).toEqual({ role: "assistant", content: "" });
    expect(delta(chunk(head, "Par", null))).toEqual({ content: "Par" });
    expect(delta(chunk(head, undefined, "stop"))).toEqual({});
    expect(usageChunk(head, usage(1, 1))).toMatchObject({ object: "chat.completion.chunk", choices: [] });
  });

  it("streams plain completions as text", () => {
    const piece = chunk({ ...head, chat: false }, "abc", null);
    expect(piece).toMatchObject({ object: "text_completion", choices: [{ text: "abc", finish_reason: null }] });
  });
});
