// @xmpp/client over WebSocket and over TCP: log in, a message each way with the
// terminal client, presence, history. The environment is that of kit.py, plus
// USER_NAME and PEER; WS is the address of the WebSocket.
import { client, xml } from "@xmpp/client";
import { execFileSync } from "node:child_process";
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket; // Node has one of its own from version 22 on

const { DOMAIN, XMPP, WS, USER_NAME, PEER, CXX, NAS, CA, DIR } = process.env;
const password = "a long secret";
const fail = setTimeout(() => { console.error("FAIL: out of time"); process.exit(1); }, 60000);

const cxx = (...args) => execFileSync(CXX, [...args, "--json", "--nas", NAS, "--ca", CA, "--as", `${PEER}@${DOMAIN}`,
  "--password-file", `${DIR}/password`, "--state", `${DIR}/state-${PEER}`]).toString();

async function session(service, resource) {
  const c = client({ service, domain: DOMAIN, resource, username: USER_NAME, password });
  const heard = [];
  let wake = () => {};
  c.on("stanza", (s) => { heard.push(s); wake(); });
  c.on("error", (e) => console.error(service, e.message));
  const want = async (what, fits) => {
    for (;;) {
      const i = heard.findIndex(fits);
      if (i >= 0) return heard.splice(i, 1)[0];
      await new Promise((r) => { wake = r; });
    }
  };
  await c.start();
  console.log("PASS", service, "logged in as", c.jid.toString());
  await c.send(xml("presence"));
  await want("own presence", (s) => s.is("presence") && s.attrs.from === c.jid.toString());
  console.log("PASS", service, "presence");
  cxx("send", USER_NAME, `hello ${resource}`);
  await want("message", (s) => s.is("message") && s.getChildText("body") === `hello ${resource}`);
  await c.send(xml("message", { to: `${PEER}@${DOMAIN}`, type: "chat", id: `from-${resource}` }, xml("body", {}, `from ${resource}`)));
  const r = await c.iqCaller.request(xml("iq", { type: "set" }, xml("query", { xmlns: "urn:xmpp:mam:2" })));
  if (!r.getChild("fin", "urn:xmpp:mam:2")) throw new Error("no archive");
  if (!heard.some((s) => s.getChild("result", "urn:xmpp:mam:2"))) throw new Error("no history");
  if (!cxx("history", USER_NAME).includes(`from ${resource}`)) throw new Error("cxx did not get the message");
  console.log("PASS", service, "messages both ways, history");
  await c.stop();
}

process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"; // the certificate is the server's own
await session(WS, "web");
await session(`xmpp://${XMPP}`, "tcp");
clearTimeout(fail);
process.exit(0);
