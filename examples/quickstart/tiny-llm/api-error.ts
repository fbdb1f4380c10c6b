// Failures a client can see, in the shape OpenAI's clients understand.

export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  /** Seconds after which another try makes sense. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: number,
    message: string,
    options: { type?: string; code?: string; retryAfterSeconds?: number } = {},
  ) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.type = options.type ?? (status >= 500 ? "server_error" : "invalid_request_error");
    this.code = options.code ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export function errorBody(error: ApiError): object {
  return { error: { message: error.message, type: error.type, param: null, code: error.code } };
}

/** Anything thrown, as something that may be shown; unknown failures keep their text, there is no secret in this process. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  return new ApiError(500, thrown instanceof Error ? thrown.message : String(thrown));
}
