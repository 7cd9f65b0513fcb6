// @xmpp/client over WebSocket and over TCP: log in, a message each way with the
// terminal client, presence, history.
import { xml } from "@xmpp/client";
import { check, cxx, login, pass } from "./kit.mjs";

const { DOMAIN, XMPP, WS, USER_NAME, PEER } = process.env;

async function session(service, resource) {
  const { c, heard, want, request } = await login(service, USER_NAME, resource);
  pass(service, "logged in as", c.jid.toString());
  cxx("send", USER_NAME, `hello ${resource}`);
  await want((s) => s.is("message") && s.getChildText("body") === `hello ${resource}`);
  await c.send(xml("message", { to: `${PEER}@${DOMAIN}`, type: "chat", id: `from-${resource}` }, xml("body", {}, `from ${resource}`)));
  const r = await request(xml("iq", { type: "set" }, xml("query", { xmlns: "urn:xmpp:mam:2" })));
  check(r.getChild("fin", "urn:xmpp:mam:2"), "no archive");
  check(heard.some((s) => s.getChild("result", "urn:xmpp:mam:2")), "no history");
  check(cxx("history", USER_NAME).includes(`from ${resource}`), "cxx did not get the message");
  pass(service, "messages both ways, history");
  await c.stop();
}

await session(WS, "web");
await session(`xmpp://${XMPP}`, "tcp");
process.exit(0);
