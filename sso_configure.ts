/**
 * `ecrin sso configure`: session → accounts and roles → the profiles that are wanted → the change,
 * shown → the config file.
 *
 * @module
 */

import { type AwsConfig, loadAwsConfig, parseAwsConfig } from "./aws_config.ts";
import { type AwsConfigEdit, editAwsConfig, type WantedSection } from "./aws_config_edit.ts";
import { awsConfigPath, changeAwsConfigFile, readAwsConfigFile } from "./aws_config_file.ts";
import { exitCodes, quoteName, shellWord, usageError, type UserError } from "./errors.ts";
import { openQuestions, type Questions } from "./questions.ts";
import type { RunCommand, RunContext } from "./run.ts";
import { withSessionToken } from "./sso.ts";
import { openDirectory, type SsoAccount, type SsoDirectory } from "./sso_accounts.ts";
import { type ConfigureOptions, configureOptions } from "./sso_configure_options.ts";
import { allProfiles, type PlannedProfile, singleProfile } from "./sso_configure_profiles.ts";
import { chooseSession, type ChosenSession, signInWithUrl } from "./sso_configure_session.ts";
import { openSso } from "./sso_context.ts";

/** A change of more lines than this is shown by its sections. */
const mostLines = 60;

/** Writes the profile, or all of them, once the change is shown and agreed to. */
export const run: RunCommand = async (line, context) => {
  const options = configureOptions(line);
  const { system, terminal } = context;
  for (const warning of options.warnings) terminal.warn(warning);
  const path = awsConfigPath(system.env);
  const before = await readAwsConfigFile(path);
  const config = await loadAwsConfig(system.env, system.readTextFile);
  using questions = options.all === undefined
    ? openQuestions({ input: options.input, ...context })
    : undefined;
  const chosen = await chooseSession(options, config, { questions, terminal: context.terminal });
  const profiles = await plannedProfiles(options, chosen, { config, questions, context });
  const sections = [chosen.wanted, ...profiles.map(({ wanted }) => wanted)]
    .filter((section) => section !== undefined);
  const edit = editAwsConfig({ text: before, path }, sections);
  const { startUrl, ssoRegion, session: name } = chosen.session;
  const json = {
    config: path,
    session: { session: name, startUrl, region: ssoRegion },
    profiles: profiles.map(({ name, account, role, region, wanted }) => ({
      ...{ profile: name, account: account.id, role, region: region ?? null },
      changed: wanted !== undefined && edit.lines.length > 0,
    })),
  };
  if (edit.lines.length === 0) {
    terminal.say(`nothing to change in ${path}`);
    return { exitCode: exitCodes.ok, json: { ...json, changed: false } };
  }
  show(edit, path, context, questions !== undefined);
  if (options.dryRun) {
    return { exitCode: exitCodes.ok, json: { ...json, changed: false, dryRun: true } };
  }
  if (questions !== undefined && !await questions.confirm(`change ${path}?`)) {
    terminal.say("nothing was changed");
    return { exitCode: exitCodes.ok, json: { ...json, changed: false } };
  }
  // as they are and as they shall be: others were not shown
  const agreed = [before, edit.text].map((text) => sectionsIn(text, path, sections));
  await changeAwsConfigFile(path, {
    before,
    change: (text) => {
      const now = sectionsIn(text, path, sections);
      const other = sections.find((_, index) =>
        agreed.every((sections) => sections[index] !== now[index])
      );
      if (other !== undefined) throw changedMeanwhile(other, path);
      return editAwsConfig({ text, path }, sections).text;
    },
    signal: context.signal,
    report: terminal.detail,
  });
  report(profiles, path, context);
  return { exitCode: exitCodes.ok, json: { ...json, changed: true } };
};

async function plannedProfiles(
  options: ConfigureOptions,
  { session, wanted }: ChosenSession,
  { config, questions, context }: {
    readonly config: AwsConfig;
    readonly questions: Questions | undefined;
    readonly context: RunContext;
  },
): Promise<PlannedProfile[]> {
  const { terminal } = context;
  const open = async (): Promise<{ directory: SsoDirectory; accounts: SsoAccount[] }> => {
    const sso = openSso(session, { config, input: options.input }, context);
    try {
      return await withSessionToken(session, sso, {
        use: async (token) => {
          const directory = await openDirectory(session, token, sso);
          const accounts = await terminal.during("listing the accounts", directory.accounts());
          return { directory, accounts };
        },
        signIn: options.signIn,
      });
    } catch (error) {
      // a session that is not in the file yet cannot be named alone
      throw wanted === undefined ? error : signInWithUrl(error, session);
    }
  };
  const work = { session: session.session, config, terminal, open };
  return options.all === undefined
    ? [await singleProfile(options, questions, work)]
    : await allProfiles(options, options.all, work);
}

/** Shows the change: its lines, or for a long one its sections; also with `--quiet` to who is asked. */
function show(
  { lines }: AwsConfigEdit,
  path: string,
  { terminal }: RunContext,
  asking: boolean,
): void {
  const say = asking ? terminal.demand : terminal.say;
  const signs = { stays: " ", goes: "-", comes: "+" };
  const isHeader = (text: string) => text.trimStart().startsWith("[");
  const shown = lines.length > mostLines
    ? lines.filter(({ kind, text }) => kind !== "goes" && isHeader(text))
    : lines;
  say(
    `the change of ${path}${
      shown.length < lines.length ? `, ${lines.length} lines in these sections` : ""
    }:`,
  );
  for (const { kind, text } of shown) say(`${signs[kind]} ${text}`);
}

function report(profiles: readonly PlannedProfile[], path: string, { terminal }: RunContext): void {
  const written = profiles.filter(({ wanted }) => wanted !== undefined);
  const [first] = written;
  if (first === undefined) {
    terminal.say(`wrote ${path}`);
    return;
  }
  const there = profiles.length - written.length;
  terminal.say(
    written.length === 1 && there === 0
      ? `wrote profile ${quoteName(first.name)} to ${path}`
      : `wrote ${written.length} profile${written.length === 1 ? "" : "s"} to ${path}` +
        (there === 0 ? "" : `, ${there} were there already`),
  );
  // the parser of @smithy/shared-ini-file-loader passes over other names
  if (!/^[\w@+.%:/-]+$/.test(first.name)) {
    terminal.warn(`ecrin and the AWS CLI read the name ${quoteName(first.name)}; some SDKs do not`);
  }
  const it = written.length === 1 ? "it" : "the first";
  terminal.say(`to use ${it}, run: ecrin --profile ${shellWord(first.name)}`);
}

/** What the sections hold, each as a text; undefined for one that is not there. */
function sectionsIn(
  text: string,
  path: string,
  sections: readonly WantedSection[],
): (string | undefined)[] {
  const { profiles, ssoSessions } = parseAwsConfig({
    config: { text, path },
    credentials: { text: "", path: "" },
  });
  return sections.map(({ kind, name }) => {
    const settings = (kind === "profile" ? profiles : ssoSessions).get(name);
    return settings === undefined ? undefined : JSON.stringify([...settings].sort());
  });
}

function changedMeanwhile({ kind, name }: WantedSection, path: string): UserError {
  return usageError(
    "aws-config-changed",
    `another program has changed ${kind} ${quoteName(name)} in ${path} meanwhile`,
    "run it again",
  );
}
