/**
 * Where a person reads what they have to do.
 *
 * @module
 */

import type { SsoContext } from "./sso_context.ts";
import type { Terminal } from "./terminal.ts";
import { terminalToAsk } from "./tty.ts";

/**
 * The terminal of a run while somebody signs in: what is said has to be read, so it is said with
 * `--quiet` too, and on the terminal itself where stderr leads elsewhere.
 */
export function sayingToPerson(context: SsoContext): Terminal {
  const { terminal, system } = context;
  return {
    ...terminal,
    say: (line) => {
      terminal.demand(line);
      if (system.stderrIsTerminal) return;
      using tty = terminalToAsk(context);
      tty?.write(`ecrin: ${line}\n`);
    },
  };
}
