// Turns chat messages into the one text the model was trained on: its own template from the GGUF file, else a plain transcript.

import { Template } from "@huggingface/jinja";
import { ApiError } from "./api-error.ts";
import type { Message } from "./openai.ts";

export type SpecialTexts = { bos: string; eos: string };

export type RenderChat = (messages: readonly Message[]) => string;

/** The messages, opened by `systemPrompt` unless they bring their own system message or it is empty. */
export function withSystemPrompt(messages: readonly Message[], systemPrompt: string): readonly Message[] {
  if (systemPrompt === "" || messages[0]?.role === "system") return messages;
  return [{ role: "system", content: systemPrompt }, ...messages];
}

/** `template` is the file's `tokenizer.chat_template`, undefined when it has none. */
export function chatRenderer(template: string | undefined, special: SpecialTexts): RenderChat {
  if (template === undefined) return plainTranscript;
  const compiled = new Template(template);
  return (messages) => {
    try {
      return compiled.render({
        messages,
        add_generation_prompt: true,
        bos_token: special.bos,
        eos_token: special.eos,
      });
    } catch (error) {
      // Templates raise on orders of roles that the model never saw.
      throw new ApiError(400, `messages: the model's chat template refused them: ${(error as Error).message}`);
    }
  };
}

function plainTranscript(messages: readonly Message[]): string {
  return `${messages.map((message) => `${message.role}: ${message.content}`).join("\n")}\nassistant:`;
}
