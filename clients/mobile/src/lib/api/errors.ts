/** The coordinator answered with a problem document (RFC 9457), or with an error status without one. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  /** Text for the user, in the language of the server; null when the server gave none. */
  readonly detail: string | null;

  constructor(status: number, code: string, detail: string | null) {
    super(`${status} ${code}`);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.detail = detail;
  }

  static async fromResponse(response: Response): Promise<ApiError> {
    const body: unknown = await response.json().catch(() => null);
    const problem = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
    const text = (key: string) => {
      const value = problem[key];
      return typeof value === "string" && value !== "" ? value : null;
    };
    return new ApiError(response.status, text("code") ?? `http.${response.status}`, text("detail"));
  }
}

/** The coordinator did not answer: no network, VPN down, NAS off, or the time limit passed. */
export class NetworkError extends Error {
  constructor(cause: unknown) {
    super("network unreachable", { cause });
    this.name = "NetworkError";
  }
}

/** No usable session for this person: someone must sign in again before anything is sent. */
export class SignInNeeded extends Error {
  constructor() {
    super("sign-in needed");
    this.name = "SignInNeeded";
  }
}
