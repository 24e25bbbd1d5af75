// A page with nothing on it but what a test makes there: a client, and a diary of it.

import { url } from "./stage.mjs";

/** A page of the simulator's origin with nothing on it; with a policy of the test's choice it is the browser's own making. */
export async function open(context, policy) {
  const page = await context.newPage();
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  if (policy !== undefined) await page.route(`${url}/_sim/sessions?deploymentId=none`, (route) => route.fulfill({ contentType: "text/html", headers: { "content-security-policy": policy }, body: "" }));
  await page.goto(`${url}/_sim/sessions?deploymentId=none`);
  await page.evaluate(() => {
    /** Makes a client and keeps a diary of it. */
    window.make = async (deploymentId, options = {}) => {
      const { GuestClient } = await import("/dist/index.js");
      const client = new GuestClient({ deploymentId, endpoint: location.origin, ...options });
      const diary = { states: [], errors: [], roles: [], sent: [] };
      client.on("state", ({ name }) => diary.states.push(name));
      client.on("error", ({ name }) => diary.errors.push(name));
      client.on("tab", ({ role }) => diary.roles.push(role));
      client.on("receipt", ({ id, status }) => status === "sent" && diary.sent.push(id));
      return Object.assign(window, { client, diary });
    };
    window.texts = () => window.client.messages.filter(({ text }) => text !== undefined).map(({ text, status }) => `${text} (${status})`);
  });
  return page;
}
