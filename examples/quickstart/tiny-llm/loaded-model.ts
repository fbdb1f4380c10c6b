// One loaded GGUF file: weights, context, and the places in it. Disposing gives the memory back to the system.

import { getLlama, LlamaCompletion } from "node-llama-cpp";
import type { Llama, LlamaContext, LlamaModel, LlamaSequence, Token } from "node-llama-cpp";
import type { Config } from "./config.ts";
import type { Log } from "./log.ts";
import type { CompletionRequest } from "./openai.ts";
import { chatRenderer, withSystemPrompt } from "./prompt.ts";
import type { RenderChat } from "./prompt.ts";

export type Generated = { text: string; tokens: number; stopReason: string };

export type GenerateOptions = {
  maxTokens: number;
  signal: AbortSignal;
  onText: (text: string) => void;
};

/** The runtime library itself, without a model; loaded once per process. */
export function openLlama(log: Log): Promise<Llama> {
  return getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    logger: (level, message) => {
      if (level === "error" || level === "fatal") log("error", message.trim(), { from: "llama.cpp" });
    },
  });
}

export class LoadedModel {
  readonly sequences: readonly LlamaSequence[];
  readonly #model: LlamaModel;
  readonly #context: LlamaContext;
  readonly #renderChat: RenderChat;
  readonly #config: Config;

  private constructor(model: LlamaModel, context: LlamaContext, config: Config) {
    this.#model = model;
    this.#context = context;
    this.#config = config;
    this.sequences = Array.from({ length: config.maxNumSeqs }, () => context.getSequence());
    this.#renderChat = chatRenderer(model.fileInfo.metadata?.tokenizer?.chat_template, {
      bos: model.tokens.bosString ?? "",
      eos: model.tokens.eosString ?? "",
    });
  }

  static async load(llama: Llama, config: Config): Promise<LoadedModel> {
    const model = await llama.loadModel({ modelPath: config.modelPath, useMmap: true });
    try {
      const context = await model.createContext({
        contextSize: config.maxModelLen,
        sequences: config.maxNumSeqs,
        threads: config.threads,
      });
      return new LoadedModel(model, context, config);
    } catch (error) {
      await model.dispose();
      throw error;
    }
  }

  /** The prompt's tokens as the model reads them. */
  tokenize(request: CompletionRequest): Token[] {
    if (!request.chat) return this.#model.tokenize(request.prompt);
    let text = this.#renderChat(withSystemPrompt(request.messages, this.#config.systemPrompt));
    const { bosString, shouldPrependBosToken } = this.#model.tokens;
    // The completion prepends this token itself when the model wants it; twice would confuse the model.
    if (shouldPrependBosToken && bosString !== null && text.startsWith(bosString)) text = text.slice(bosString.length);
    return this.#model.tokenize(text, true);
  }

  /** Generates until the model ends, `maxTokens`, a stop text or the signal (then with what there is so far). */
  async generate(
    sequence: LlamaSequence,
    prompt: Token[],
    request: CompletionRequest,
    options: GenerateOptions,
  ): Promise<Generated> {
    const completion = new LlamaCompletion({ contextSequence: sequence });
    let tokens = 0;
    try {
      const result = await completion.generateCompletionWithMeta(prompt, {
        maxTokens: options.maxTokens,
        temperature: request.temperature ?? this.#config.temperature,
        ...(request.topP === undefined ? {} : { topP: request.topP }),
        ...(request.topK === undefined ? {} : { topK: Math.max(0, request.topK) }),
        ...(request.seed === undefined ? {} : { seed: request.seed }),
        repeatPenalty:
          request.presencePenalty === 0 && request.frequencyPenalty === 0
            ? false
            : { penalty: 1, presencePenalty: request.presencePenalty, frequencyPenalty: request.frequencyPenalty },
        ...(request.stop.length === 0 ? {} : { customStopTriggers: request.stop }),
        disableContextShift: true,
        signal: options.signal,
        stopOnAbortSignal: true,
        onToken: (some) => (tokens += some.length),
        onTextChunk: options.onText,
      });
      return { text: result.response, tokens, stopReason: result.metadata.stopReason };
    } finally {
      completion.dispose();
      await sequence.clearHistory();
    }
  }

  async dispose(): Promise<void> {
    await this.#context.dispose();
    await this.#model.dispose();
  }
}
