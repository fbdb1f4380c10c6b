// The part of node-llama-cpp and its template engine that this server uses. Declared here so that a checkout type-checks
// before the compiled runtime is installed; the image build installs the real packages.

declare module "node-llama-cpp" {
  export type Token = number;

  export type LlamaSequence = {
    clearHistory(): Promise<void>;
  };

  export type LlamaContext = {
    readonly contextSize: number;
    getSequence(): LlamaSequence;
    dispose(): Promise<void>;
  };

  export type LlamaModel = {
    readonly fileInfo: { metadata?: { general?: { name?: string }; tokenizer?: { chat_template?: string } } };
    readonly tokens: {
      bosString: string | null;
      eosString: string | null;
      shouldPrependBosToken: boolean;
    };
    tokenize(text: string, specialTokens?: boolean): Token[];
    createContext(options: {
      contextSize: number;
      sequences: number;
      threads: number;
      ignoreMemorySafetyChecks?: boolean;
    }): Promise<LlamaContext>;
    dispose(): Promise<void>;
  };

  export type Llama = {
    loadModel(options: { modelPath: string; useMmap: boolean }): Promise<LlamaModel>;
    dispose(): Promise<void>;
  };

  export function getLlama(options: {
    gpu: false;
    build: "never";
    skipDownload: true;
    progressLogs: false;
    logger?: (level: string, message: string) => void;
  }): Promise<Llama>;

  export class LlamaCompletion {
    constructor(options: { contextSequence: LlamaSequence });
    generateCompletionWithMeta(
      input: Token[],
      options: {
        maxTokens: number;
        temperature: number;
        topP?: number;
        topK?: number;
        seed?: number;
        repeatPenalty: false | { penalty?: number; frequencyPenalty?: number; presencePenalty?: number };
        customStopTriggers?: readonly string[];
        disableContextShift: true;
        signal: AbortSignal;
        stopOnAbortSignal: true;
        onToken: (tokens: Token[]) => void;
        onTextChunk: (text: string) => void;
      },
    ): Promise<{ response: string; metadata: { stopReason: string } }>;
    dispose(): void;
  }
}

declare module "@huggingface/jinja" {
  export class Template {
    constructor(source: string);
    render(values: Record<string, unknown>): string;
  }
}
