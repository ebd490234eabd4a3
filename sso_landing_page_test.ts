import assert from "node:assert/strict";
import { failurePage, landingResponse, successPage } from "./sso_landing_page.ts";

const pages = [
  successPage("corp"),
  failurePage("denied"),
  failurePage("refused"),
  failurePage("wrong-state"),
];

for (const page of pages) {
  Deno.test(`the page "${page.title}" says that the window can be closed`, async () => {
    const answer = await landingResponse(page);
    const html = await answer.text();
    assert.match(html, /You can close this window/);
    assert.match(html, /your terminal/i);
    assert(html.includes(`<h1>${page.title}</h1>`));
    assert.equal(answer.status, page.good ? 200 : 400);
  });
}

Deno.test("the page loads nothing, is not stored, and runs only its own script", async () => {
  const answer = await landingResponse(successPage("corp"));
  const html = await answer.text();
  assert.doesNotMatch(html, /https?:|src=|url\(|@import/);
  const { headers } = answer;
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("referrer-policy"), "no-referrer");
  const policy = headers.get("content-security-policy") ?? "";
  assert.match(policy, /^default-src 'none'; /);
  assert.doesNotMatch(policy, /unsafe/);
  for (const tag of ["style", "script"]) {
    const text = html.match(new RegExp(`<${tag}>([^]*)</${tag}>`))?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    const hash = new Uint8Array(digest).toBase64();
    assert(policy.includes(`${tag}-src 'sha256-${hash}'`), policy);
  }
});

Deno.test("a session's name is text, whatever is in it", async () => {
  const html = await (await landingResponse(successPage(`<b title="x">&amp;`))).text();
  assert(html.includes("Session: &lt;b title=&quot;x&quot;&gt;&amp;amp;"), html);
});
