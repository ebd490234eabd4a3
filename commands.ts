/**
 * The commands, as a table: what each is for, which flags it takes, examples for its help. What they
 * do is in a file each, which run.ts loads.
 *
 * @module
 */

import { flags } from "./flags.ts";

/** A command, as people type it. */
export type CommandName =
  | "login"
  | "logout"
  | "status"
  | "whoami"
  | "env"
  | "exec"
  | "password"
  | "sso login"
  | "sso logout"
  | "sso status"
  | "sso configure";

/** A command, as the parser and the help see it. */
export interface Command {
  readonly name: CommandName;
  /** Its line in the list of commands. */
  readonly summary: string;
  /** What follows the name: `"[REGISTRY...] [flags]"`. */
  readonly usage: string;
  /** What a run is for, and its command line. */
  readonly examples: readonly (readonly [what: string, line: string])[];
  /** Names of the flags that it takes. */
  readonly flags: readonly string[];
  /** What a flag does here, where it is not what the table of flags says. */
  readonly flagHelp?: Readonly<Record<string, string>>;
  /** The key of what `--json` lists: `"logins"`; without one the result is an object of its own. */
  readonly lists?: "logins" | "sessions";
  /** Seconds that a run may take without `--timeout`. */
  readonly timeout: number;
}

const identity = [
  "profile",
  "sso-session",
  "sso-role",
  "web-identity",
  "role",
  "session-name",
  "duration",
  "external-id",
  "source-identity",
  "tag",
  "mfa-serial",
  "mfa-code",
  "mfa-command",
  "no-cache",
];
const targets = ["account", "region", "public"];
const signingIn = ["device-code", "no-browser", "port"];
const output = ["json", "quiet", "verbose", "no-color", "help", "version"];
const behaviour = ["timeout", "no-input", ...output];

/** What `--verbose` does where nobody's identity is used. */
const eachStep = "say each step";

/** Seconds that a login may take. */
const defaultTimeout = 120;

/** Seconds that signing in may take: a device code lasts ten minutes, and others may be first. */
const signInTimeout = 900;

/** Every command, in the order of the help. The first is the one without a name. */
export const commands: readonly Command[] = [
  {
    name: "login",
    summary: "log container tools in (the default)",
    usage: "[REGISTRY...] [flags]",
    examples: [
      [
        "Log docker in to a registry, with a role of its account:",
        "ecrin --account 222222222222 --role deploy --region ap-northeast-1",
      ],
      [
        "With the identity at hand, to a registry named any way you have it:",
        "ecrin 222222222222.dkr.ecr.ap-northeast-1.amazonaws.com/app:1.2",
      ],
      [
        "Your own registry and ECR Public, in podman:",
        "ecrin login --profile dev --public --region us-east-1 --tool podman",
      ],
    ],
    flags: [...identity, ...targets, "tool", "if-expiring", "dry-run", ...behaviour],
    flagHelp: { public: "log in to public.ecr.aws too" },
    lists: "logins",
    timeout: defaultTimeout,
  },
  {
    name: "logout",
    summary: "remove logins to ECR from the tools' stores",
    usage: "[REGISTRY...] [flags]",
    examples: [
      ["Forget one registry:", "ecrin logout 222222222222.dkr.ecr.eu-west-1.amazonaws.com"],
      ["Forget what has run out, which breaks anonymous pulls:", "ecrin logout --expired"],
    ],
    flags: [...targets, "all", "expired", "tool", "dry-run", "timeout", ...output],
    flagHelp: {
      public: "public.ecr.aws",
      all: "every login to ECR",
      expired: "those that have run out",
      tool: "only the stores of this tool, repeatable",
      "dry-run": "print what would be removed",
      verbose: eachStep,
    },
    lists: "logins",
    timeout: defaultTimeout,
  },
  {
    name: "status",
    summary: "which registries are logged in, where, until when",
    usage: "[REGISTRY...] [flags]",
    examples: [
      ["What there is:", "ecrin status"],
      ["Log in again when less than two hours are left:", "ecrin status --check 2h || ecrin"],
    ],
    flags: [...targets, "tool", "check", "timeout", ...output],
    flagHelp: {
      public: "public.ecr.aws",
      tool: "only the stores of this tool, repeatable",
      verbose: eachStep,
    },
    lists: "logins",
    timeout: defaultTimeout,
  },
  {
    name: "whoami",
    summary: "which AWS identity a login would use, and how it comes about",
    usage: "[flags]",
    examples: [["As whom:", "ecrin whoami --account 222222222222 --role deploy"]],
    flags: [...identity, "account", "region", ...behaviour],
    flagHelp: { account: "account of a role that is given by its name", region: "AWS region" },
    timeout: defaultTimeout,
  },
  {
    name: "env",
    summary: "temporary AWS credentials for a shell or a program",
    usage: "[flags]",
    examples: [
      ["In this shell:", `eval "$(ecrin env --role deploy --account 222222222222)"`],
      [
        "For any SDK and the AWS CLI, in ~/.aws/config:",
        "credential_process = ecrin env --format process --profile admin",
      ],
    ],
    flags: [...identity, "account", "region", "format", "unset", ...behaviour],
    flagHelp: {
      account: "account of a role that is given by its name",
      region: "AWS region, which is exported too",
      duration: "life of the role's credentials, 15m..12h (default: 1h)",
      json: "the same as --format json",
    },
    timeout: defaultTimeout,
  },
  {
    name: "exec",
    summary: "run a command with AWS credentials and registry logins",
    usage: "[REGISTRY...] [flags] -- COMMAND...",
    examples: [
      [
        "Push, and leave no login behind:",
        "ecrin exec --account 222222222222 --role deploy -- docker push IMAGE",
      ],
    ],
    flags: [...identity, ...targets, ...behaviour.filter((name) => name !== "json")],
    flagHelp: {
      duration: "life of the role's credentials, 15m..12h (default: 1h)",
      timeout: "limit of what comes before the command (default: 2m)",
    },
    timeout: defaultTimeout,
  },
  {
    name: "password",
    summary: "print a registry's password",
    usage: "[REGISTRY] [flags]",
    examples: [
      [
        "For a tool that ecrin does not know:",
        "ecrin password public.ecr.aws | tool login -u AWS --password-stdin public.ecr.aws",
      ],
    ],
    flags: [...identity, ...targets, ...behaviour],
    flagHelp: { public: "the password of public.ecr.aws" },
    timeout: defaultTimeout,
  },
  {
    name: "sso login",
    summary: "sign in to IAM Identity Center",
    usage: "[flags]",
    examples: [
      ["The session of a profile:", "ecrin sso login --profile blog"],
      ["In a browser on another machine:", "ecrin sso login --sso-session corp --device-code"],
    ],
    flags: [
      "profile",
      "sso-session",
      "start-url",
      "sso-region",
      ...signingIn,
      "force",
      ...behaviour,
    ],
    flagHelp: {
      profile: "AWS profile whose session it is",
      timeout: "limit of the whole run (default: 15m)",
    },
    lists: "sessions",
    timeout: signInTimeout,
  },
  {
    name: "sso logout",
    summary: "end sessions of IAM Identity Center",
    usage: "[flags]",
    examples: [["All of them:", "ecrin sso logout"]],
    flags: ["profile", "sso-session", "timeout", ...output],
    flagHelp: {
      profile: "only the session of this AWS profile",
      "sso-session": "only this session",
      verbose: eachStep,
    },
    lists: "sessions",
    timeout: defaultTimeout,
  },
  {
    name: "sso status",
    summary: "which sessions there are, until when",
    usage: "[flags]",
    examples: [
      ["All of them:", "ecrin sso status"],
      [
        "Sign in when one must:",
        "ecrin sso status --sso-session corp || ecrin sso login --sso-session corp",
      ],
    ],
    flags: ["profile", "sso-session", "timeout", ...output],
    flagHelp: {
      profile: "only this AWS profile's session; exit 4 when one must sign in again",
      "sso-session": "only this session; likewise",
      verbose: eachStep,
    },
    lists: "sessions",
    timeout: defaultTimeout,
  },
  {
    name: "sso configure",
    summary: "write AWS profiles for your accounts and roles",
    usage: "[flags]",
    examples: [
      ["With questions:", "ecrin sso configure"],
      [
        "A profile for every account and role:",
        "ecrin sso configure --sso-session corp --all --prefix corp-",
      ],
      [
        "One profile, without questions:",
        "ecrin sso configure --profile blog --account 222222222222 --sso-role deploy",
      ],
    ],
    flags: [
      ...["profile", "sso-session", "start-url", "sso-region", "sso-role", "account", "region"],
      ...["all", "prefix", "role-name", ...signingIn, "dry-run", ...behaviour],
    ],
    flagHelp: {
      profile: "name of the profile to write",
      "sso-session": "name of the [sso-session] to write or use",
      "sso-role": "role of the profile",
      account: "account of the profile; with --all only these",
      region: "region of the profiles",
      all: "a profile for every account and role, without questions",
      prefix: "with --all: beginning of the names of the profiles",
      "role-name": "with --all: only this role, and names without it",
      "dry-run": "show the change and write nothing",
      timeout: "limit of the whole run (default: 15m)",
    },
    timeout: signInTimeout,
  },
];

/** What words begin with. */
export interface LookedUp {
  /** The command, whose name has one word or two. */
  readonly command: Command | undefined;
  /** The commands whose first of two words it is. */
  readonly group: readonly Command[];
}

/** Finds the command that `words` begin with. */
export function lookUp([first = "", second = ""]: readonly string[]): LookedUp {
  const named = (name: string) => commands.find((command) => command.name === name);
  return {
    command: named(first) ?? named(`${first} ${second}`),
    group: commands.filter(({ name }) => name.startsWith(`${first} `)),
  };
}

/**
 * The command that arguments are for, right or wrong; undefined for the first of two words alone.
 * Without a name it is the first of the table.
 */
export function commandOf(args: readonly string[]): Command | undefined {
  const { command, group } = lookUp(wordsOf(beforeEnd(args)));
  return command ?? (group.length > 0 ? undefined : commands[0]);
}

/** What the arguments ask to be told, whatever else they say, right or wrong. */
export interface Question {
  readonly what: "help" | "version";
  /** The words before and between the flags: `["sso", "login"]`. */
  readonly words: readonly string[];
}

/** The {@linkcode Question} in the arguments: the help and the version win over anything else. */
export function asksFor(args: readonly string[]): Question | undefined {
  const ours = beforeEnd(args);
  const words = wordsOf(ours);
  if (words[0] === "help") return { what: "help", words: words.slice(1) };
  if (ours.some((arg) => /^(?:--help|-[a-z]*h[a-z]*)$/.test(arg))) return { what: "help", words };
  return ours.includes("--version") ? { what: "version", words } : undefined;
}

/** The arguments before `--`, which ends the flags. */
export function beforeEnd(args: readonly string[]): readonly string[] {
  return args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
}

/** The arguments that are neither a flag nor the value of one. */
function wordsOf(args: readonly string[]): string[] {
  const taking = new Set(flags.filter(({ value }) => value).map(({ name }) => `--${name}`));
  return args.filter((arg, index) => !arg.startsWith("-") && !taking.has(args[index - 1] ?? ""));
}
