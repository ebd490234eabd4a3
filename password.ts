import { exitCodes } from "./errors.ts";
import type { RunCommand } from "./run.ts";

// TODO: not built yet
export const run: RunCommand = () => Promise.resolve({ exitCode: exitCodes.bug });
