/**
 * The help: examples first, then the flags by group.
 *
 * @module
 */

import { type Command, commands, lookUp } from "./commands.ts";
import { type Flag, flagGroups } from "./flags.ts";

/**
 * The help for what was asked about.
 *
 * @param words of the question: those of a command, the first of several ("sso"), or others
 */
export function helpText(version: string, words: readonly string[] = []): string {
  const { command, group } = lookUp(words);
  if (command !== undefined) return commandHelp(command);
  if (group.length > 0) return groupHelp(words[0] ?? "", group);
  return overview(version);
}

function overview(version: string): string {
  const [login] = commands;
  return `ecrin ${version}: log container tools in to Amazon ECR

${examples(login)}
Usage: ecrin [login] ${login?.usage}
       ecrin COMMAND [flags]

REGISTRY is a host, URL, image reference, repository ARN or 12-digit account.

Commands (ecrin help COMMAND tells more)
${commands.map(commandLine).join("\n")}
${flagHelp(login)}
Exit codes: 0 done, 1 a bug, 2 usage or configuration, 3 container tool, 4 credentials or
permission, 5 AWS or network, 124 timeout, 126 and 127 no command for exec, 130 interrupted.
`;
}

function commandHelp(command: Command): string {
  return `ecrin ${command.name}: ${command.summary}

${examples(command)}
Usage: ecrin ${command.name} ${command.usage}
${flagHelp(command)}`;
}

function groupHelp(first: string, group: readonly Command[]): string {
  return `Usage: ecrin ${first} COMMAND [flags]

Commands (ecrin help ${first} COMMAND tells more)
${group.map(commandLine).join("\n")}
`;
}

function examples(command: Command | undefined): string {
  return (command?.examples ?? []).map(([what, line]) => `${what}\n    ${line}\n`).join("\n");
}

/** Width of the column of names and flags, in characters. */
const column = 26;

function commandLine({ name, summary }: Command): string {
  return `  ${name.padEnd(column)}  ${summary}`;
}

function flagHelp(command: Command | undefined): string {
  const titled = [...flagGroups].map(([title, flags]) => {
    const ours = flags.filter(({ name }) => command?.flags.includes(name));
    const lines = ours.map((flag) => `${flagLine(flag, command?.flagHelp?.[flag.name])}\n`);
    return lines.length === 0 ? "" : `\n${title}\n${lines.join("")}`;
  });
  return titled.join("");
}

function flagLine({ name, short, value, help }: Flag, helpHere: string | undefined): string {
  const before = short === undefined ? "    " : `-${short}, `;
  const usage = `${before}--${name}${value ? ` ${value}` : ""}`;
  return `  ${usage.padEnd(column)}  ${helpHere ?? help}`;
}
