/** One mistake of several: what is wrong, where (a JSON pointer after `#`, or a place in a file), and what to do. */
export interface Mistake {
  detail: string;
  pointer?: string;
  parameter?: string;
  place?: string;
  remedy?: string;
}

/** One thing that is wrong with what was sent: what, where, and what to do. */
export interface Flaw {
  detail?: string;
  remedy?: string;
  place?: string;
  pointer?: string;
}

/** What a request came to when it came to nothing: a problem document (RFC 9457), or no answer at all. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly type = "",
    readonly errors: readonly Mistake[] = [],
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(detail || title);
    this.name = "Problem";
  }

  /** Whether trying the same again may help. */
  get passes(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Reads a failed answer. Never throws. */
export async function problemOf(response: Response): Promise<Problem> {
  const after = Number(response.headers.get("retry-after"));
  const retry = Number.isFinite(after) && after > 0 ? after : null;
  try {
    const body = await response.json();
    return new Problem(
      response.status,
      body.title ?? response.statusText,
      body.detail ?? "",
      body.type ?? "",
      body.errors ?? [],
      retry,
    );
  } catch {
    return new Problem(
      response.status,
      response.statusText || "The server failed",
      "It gave no reason.",
      "",
      [],
      retry,
    );
  }
}

/** Anything that was thrown, as a problem to show. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof TypeError) {
    return new Problem(
      0,
      "The server cannot be reached",
      "Check that `stretto up` runs and that you are online, then try again.",
    );
  }
  return new Problem(-1, "The page has a fault", thrown instanceof Error ? thrown.message : String(thrown));
}
