/**
 * What a run says of its logins: a line for each as it ends, and the list of `--json` in the order in
 * which they were asked for.
 *
 * @module
 */

import { amazonHelperNote } from "./amazon_helper.ts";
import { type ExitCode, exitCodes, UserError } from "./errors.ts";
import { type LoginRecord, nameOf, type PlannedLogin } from "./login_plan.ts";
import { errorRecord, type RunContext } from "./run.ts";
import { until } from "./terminal.ts";

/** How many failed logins the summary names. */
const mostNamed = 10;

/** The report of a run. */
export class LoginReport {
  /** What is being tried again when the run is ended, and what came back. */
  pending: () => string | undefined = () => undefined;
  readonly #logins: readonly PlannedLogin[];
  readonly #context: Pick<RunContext, "terminal" | "signal" | "system" | "results">;
  readonly #failures = new Map<PlannedLogin, UserError>();
  readonly #ended = new Set<PlannedLogin>();
  readonly #said = new Set<unknown>();
  #skipped = 0;
  #end: UserError | undefined;

  constructor(
    logins: readonly PlannedLogin[],
    context: Pick<RunContext, "terminal" | "signal" | "system" | "results">,
  ) {
    this.#logins = logins;
    this.#context = context;
    const { signal, results } = context;
    results.push(...logins.map(({ record }) => record));
    // a run that does not come to its end then is cut short, and prints what is here
    signal.addEventListener("abort", () => {
      for (const login of logins) {
        if (!this.#ended.has(login)) this.#put(login, this.#failure(signal.reason));
      }
    });
  }

  /** How many have ended. */
  get finished(): number {
    return this.#ended.size;
  }

  /** A login that is left alone, as it lasts until `end`. */
  skipped(login: PlannedLogin, end: Date): void {
    const { terminal, system } = this.#context;
    this.#ended.add(login);
    this.#skipped++;
    this.#put(login, { expiresAt: end.toISOString(), skipped: true });
    terminal.say(
      `${nameOf(login)} is logged in already (${login.tool}, ${until(end, system.now())})`,
    );
  }

  /** A login that Amazon's helper makes needless. */
  needless(login: PlannedLogin, registry: string, account?: string | null): void {
    const note = amazonHelperNote(registry, login.tool);
    this.#ended.add(login);
    this.#put(login, { registry, note, ...(account === undefined ? {} : { account }) });
    this.#context.terminal.say(note);
  }

  /** A login that succeeded. */
  done(
    login: PlannedLogin,
    result: Pick<LoginRecord, "account" | "expiresAt"> & { readonly registry: string },
  ): void {
    const { terminal, system } = this.#context;
    this.#ended.add(login);
    const { registry, account, expiresAt } = result;
    this.#put(login, { registry, account, expiresAt });
    const end = expiresAt === null ? "" : `, ${until(new Date(expiresAt), system.now())}`;
    terminal.say(`logged in to ${registry} (${login.tool}${end})`);
  }

  /** A login that failed. Logins share identities and tokens, and so their errors. */
  failed(login: PlannedLogin, thrown: UserError): void {
    const { terminal, signal } = this.#context;
    const ended = signal.aborted && thrown === signal.reason;
    const error = ended ? this.#endOf(thrown) : thrown;
    this.#ended.add(login);
    this.#failures.set(login, error);
    this.#put(login, this.#failure(thrown));
    // each is said in full once
    if (!this.#said.has(error)) terminal.fail(error);
    else if (!ended) terminal.fail(sameReason(login, error));
    this.#said.add(error);
  }

  /**
   * Sums up.
   *
   * @returns the exit code of the run
   */
  end(): ExitCode {
    const failed = this.#logins.filter((login) => this.#failures.has(login));
    const [first] = failed;
    if (first === undefined) return exitCodes.ok;
    const all = this.#logins.length;
    const good = all - failed.length;
    const { terminal, signal } = this.#context;
    // of a run that was ended early it says something only when a part was done
    if (all > 1 && (good > 0 || !signal.aborted)) {
      const names = failed.map((login) => `${nameOf(login)} (${login.tool})`);
      const more = names.length - mostNamed;
      const named = names.slice(0, mostNamed).join(", ") + (more > 0 ? ` and ${more} more` : "");
      const before = this.#skipped > 0 ? ` (${this.#skipped} were already)` : "";
      terminal.say(`${good} of ${all} logged in${before}, ${failed.length} failed: ${named}`);
    }
    return this.#failures.get(first)?.exitCode ?? exitCodes.bug;
  }

  #put(login: PlannedLogin, change: Partial<LoginRecord>): void {
    const { results } = this.#context;
    results[this.#logins.indexOf(login)] = { ...login.record, ...change };
  }

  #failure(thrown: unknown): Partial<LoginRecord> {
    const error = thrown === this.#context.signal.reason ? this.#endOf(thrown) : thrown;
    return error instanceof UserError ? { ok: false, error: errorRecord(error) } : { ok: false };
  }

  /** The time limit as an error, with what the run was waiting for. */
  #endOf(reason: unknown): UserError {
    if (!(reason instanceof UserError)) throw reason;
    if (this.#end !== undefined) return this.#end;
    const pending = reason.exitCode === exitCodes.timeout ? this.pending() : undefined;
    const { code, exitCode, hint } = reason;
    this.#end = pending === undefined
      ? reason
      : new UserError(`${reason.message}, the last answer being: ${pending}`, {
        code,
        exitCode,
        hint,
        cause: reason,
      });
    return this.#end;
  }
}

function sameReason(login: PlannedLogin, { code, exitCode }: UserError): UserError {
  return new UserError(`not logged in to ${nameOf(login)} (${login.tool}) for the same reason`, {
    code,
    exitCode,
  });
}
