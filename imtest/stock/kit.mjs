// What the scripts with @xmpp/client share: a session that remembers what it hears, and
// the terminal client. The environment is that of kit.py and termkit.py, plus PEER, for
// whom the terminal client runs.
import { client, xml } from "@xmpp/client";
import { execFileSync } from "node:child_process";
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket; // Node has one of its own from version 22 on

const { DOMAIN, PEER, CXX, NAS, CA, DIR } = process.env;
const password = "a long secret";

setTimeout(() => { console.error("FAIL: out of time"); process.exit(1); }, 60000);

export const pass = (...what) => console.log("PASS", ...what);

export const check = (ok, what) => { if (!ok) throw new Error(what); };

export const cxx = (...args) => execFileSync(CXX, [...args, "--json", "--nas", NAS, "--ca", CA, "--as", `${PEER}@${DOMAIN}`,
  "--password-file", `${DIR}/password`, "--state", `${DIR}/state-${PEER}`]).toString();

// login returns a client that is online; want waits for the first stanza that fits and
// takes it out of what was heard.
export async function login(service, username, resource) {
  const c = client({ service, domain: DOMAIN, resource, username, password });
  const heard = [];
  let wake = () => {};
  c.on("stanza", (s) => { heard.push(s); wake(); });
  c.on("error", (e) => console.error(service, e.message));
  const want = async (fits) => {
    for (;;) {
      const i = heard.findIndex(fits);
      if (i >= 0) return heard.splice(i, 1)[0];
      await new Promise((r) => { wake = r; });
    }
  };
  await c.start();
  await c.send(xml("presence"));
  await want((s) => s.is("presence") && s.attrs.from === c.jid.toString());
  return { c, heard, want, request: (iq) => c.iqCaller.request(iq) };
}
