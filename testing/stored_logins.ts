/**
 * Logins as container tools have stored them: entries of a file, and a credential store that is a
 * folder.
 *
 * @module
 */

import type { TempHome } from "./cli.ts";
import { PasswordTable } from "./passwords.ts";

/** Registries of ECR, and one that is not. */
export const irish = "222222222222.dkr.ecr.eu-west-1.amazonaws.com";
export const virginian = "333333333333.dkr.ecr.us-east-1.amazonaws.com";
export const ecrPublic = "public.ecr.aws";
export const other = "ghcr.io";
export const otherEntry = { auth: btoa("ann:other") };

/** A password of ECR that is good for so many seconds, or was until so many seconds ago. */
export function passwordFor(seconds: number): string {
  return new PasswordTable().issue({
    public: false,
    region: "eu-west-1",
    account: "222222222222",
    expiresAt: Date.now() + seconds * 1000,
  }).password;
}

/** The entry of a file with such a password. */
export function entryFor(seconds: number): { auth: string } {
  return { auth: btoa(`AWS:${passwordFor(seconds)}`) };
}

/**
 * Writes `docker-credential-NAME` into `bin` of the home: a store that keeps a file a server in the
 * folder `NAME` there, and notes what it was asked in `NAME.log`. Its servers hold no slash.
 */
export async function writeCredentialHelper(
  home: TempHome,
  name: string,
  logins: Readonly<Record<string, string>>,
): Promise<void> {
  await home.write(`${name}/.folder`, "");
  for (const [server, password] of Object.entries(logins)) {
    await home.write(`${name}/${server}`, password);
  }
  await home.writeProgram(
    `bin/docker-credential-${name}`,
    `#!/bin/sh
PATH=/usr/bin:/bin
read -r server || true
echo "$1 $server" >>"$HOME/${name}.log"
cd "$HOME/${name}" || exit 1
case $1 in
list)
  printf '{'
  for file in *; do
    [ -f "$file" ] && printf '%s"%s":"AWS"' "$comma" "$file" && comma=,
  done
  echo '}' ;;
get)
  [ -f "$server" ] || { echo "credentials not found in native keychain"; exit 1; }
  printf '{"ServerURL":"%s","Username":"AWS","Secret":"%s"}\\n' "$server" "$(cat "$server")" ;;
erase)
  [ -f "$server" ] || { echo "credentials not found in native keychain"; exit 1; }
  rm "$server" ;;
*) echo "unknown action"; exit 1 ;;
esac
`,
  );
}
