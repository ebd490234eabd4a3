/**
 * The page that the browser lands on after a sign-in: all of it in one text, nothing secret in it.
 *
 * @module
 */

/** What the page says. */
export interface LandingPage {
  readonly good: boolean;
  readonly title: string;
  /** Paragraphs. */
  readonly text: readonly string[];
}

/** Why a sign-in did not work out. */
export type LandingFailure = "denied" | "refused" | "wrong-state";

const backToTerminal = "You can close this window and go back to your terminal.";

const failures: Readonly<Record<LandingFailure, LandingPage>> = {
  "denied": {
    good: false,
    title: "Sign-in denied",
    text: [
      "You are not signed in: the request was denied, and ecrin has stopped waiting for it.",
      "You can close this window. If that was not meant, start again in your terminal.",
    ],
  },
  "refused": {
    good: false,
    title: "Sign-in failed",
    text: [
      "You are not signed in: AWS sent an error instead of an answer. Your terminal says which.",
      backToTerminal,
    ],
  },
  "wrong-state": {
    good: false,
    title: "Not this sign-in",
    text: [
      "This page belongs to another sign-in, perhaps one that was started earlier, and was ignored.",
      "You can close this window and finish in the newest one, or start again in your terminal.",
    ],
  },
};

/** The page after the person agreed. Whether AWS gives a token then is said in the terminal. */
export function successPage(session: string): LandingPage {
  return { good: true, title: "You are signed in", text: [`Session: ${session}`, backToTerminal] };
}

/** The page after a sign-in that did not work out. */
export function failurePage(failure: LandingFailure): LandingPage {
  return failures[failure];
}

/**
 * The answer to a browser. The code in its address bar and history goes as soon as the page is there.
 */
export async function landingResponse(page: LandingPage): Promise<Response> {
  const script = `history.replaceState(null,"",location.pathname.replace(/[^/]*$/,"done"))`;
  const hash = async (text: string): Promise<string> => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return `'sha256-${new Uint8Array(digest).toBase64()}'`;
  };
  const policy = [
    "default-src 'none'",
    `style-src ${await hash(style)}`,
    `script-src ${await hash(script)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return new Response(html(page, script), {
    status: page.good ? 200 : 400,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": policy.join("; "),
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      // a browser that kept the connection would keep the listener
      "connection": "close",
    },
  });
}

const style = `
:root { color-scheme: light dark; --paper: #f5f6f8; --card: #fff; --ink: #1b1f24; --soft: #57606a;
  --line: #d9dee4; --mark: #1a7f4b; --mark-soft: #e2f4ea; }
.bad { --mark: #b4441a; --mark-soft: #fbeae2; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --card: #1d2127; --ink: #eceff3; --soft: #a3adb8; --line: #323941;
    --mark: #5fd096; --mark-soft: #1b3a2a; }
  .bad { --mark: #f29a70; --mark-soft: #43281c; }
}
* { box-sizing: border-box; margin: 0; }
body { min-height: 100vh; min-height: 100svh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
main { width: 100%; max-width: 30rem; padding: 2.5rem 2rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; text-align: center; }
svg { display: block; width: 3.5rem; height: 3.5rem; margin: 0 auto 1.25rem; padding: .9rem;
  border-radius: 50%; background: var(--mark-soft); color: var(--mark); }
h1 { font-size: 1.5rem; line-height: 1.3; font-weight: 650; text-wrap: balance; }
p { margin-top: .75rem; color: var(--soft); text-wrap: pretty; overflow-wrap: anywhere; }
footer { margin-top: 2rem; padding-top: 1rem; border-top: 1px solid var(--line);
  font: .8125rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--soft); }
`;

const tick = "M4 12.5l5.5 5.5L20 6.5";
const cross = "M6 6l12 12M18 6L6 18";

function html({ good, title, text }: LandingPage, script: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)} – ecrin</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body${good ? "" : ' class="bad"'}>
<main>
<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="${
    good ? tick : cross
  }"/></svg>
<h1>${escape(title)}</h1>
${text.map((line) => `<p>${escape(line)}</p>`).join("\n")}
<footer>ecrin</footer>
</main>
<script>${script}</script>
</body>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
