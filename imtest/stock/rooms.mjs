// @xmpp/client in rooms, one user over WebSocket and one over TCP: join, speak, keep
// order, take back, read the archive.
import { xml } from "@xmpp/client";
import { check, cxx, login, pass } from "./kit.mjs";

const { XMPP, WS, USER_NAME, OTHER_NAME, DOMAIN, ROOM } = process.env;
const MUC = "http://jabber.org/protocol/muc", MAM = "urn:xmpp:mam:2", RETRACT = "urn:xmpp:message-retract:1";
const den = `den-${process.pid}@${ROOM.split("@")[1]}`;

const code = (n) => (s) => s.getChild("x", MUC + "#user")?.getChildren("status").some((e) => e.attrs.code === n);
const of = (room, nick, fits = () => true) => (s) => s.is("presence") && s.attrs.from === `${room}/${nick}` && fits(s);
const said = (text) => (s) => s.attrs.type === "groupchat" && s.getChildText("body") === text;

async function enter(user, room, nick) {
  await user.c.send(xml("presence", { to: `${room}/${nick}` }, xml("x", { xmlns: MUC })));
  const own = await user.want((s) => of(room, nick, code("110"))(s) || (s.attrs.type === "error" && s.attrs.from === `${room}/${nick}`));
  if (own.attrs.type !== "error") await user.want((s) => s.attrs.type === "groupchat" && s.getChild("subject"));
  return own;
}

const say = (user, room, text) => user.c.send(xml("message", { to: room, type: "groupchat" }, xml("body", {}, text)));

const ask = (user, room, what, type = "set") => user.request(xml("iq", { type, to: room }, what));

const admin = (attrs, reason) => xml("query", { xmlns: MUC + "#admin" }, xml("item", attrs, ...(reason ? [xml("reason", {}, reason)] : [])));

const ann = await login(WS, USER_NAME, "rooms");
const bob = await login(`xmpp://${XMPP}`, OTHER_NAME, "rooms");

await enter(ann, ROOM, "Ann");
await say(ann, ROOM, "hello room from the web");
await ann.want(said("hello room from the web"));
check(cxx("history", "#tea").includes("hello room from the web"), "cxx did not get the message");
cxx("send", "#tea", "hello to the web");
await ann.want(said("hello to the web"));
pass("a room with the terminal client");

check(code("201")(await enter(ann, den, "ann")), "the room is not new");
await ask(ann, den, xml("query", { xmlns: MUC + "#owner" }, xml("x", { xmlns: "jabber:x:data", type: "submit" })));
await enter(bob, den, "bob");
await ann.want(of(den, "bob"));
for (let i = 0; i < 10; i++) await say(i % 2 ? bob : ann, den, `word ${i}`);
let ugly;
for (let i = 0; i < 10; i++) {
  await ann.want(said(`word ${i}`));
  ugly = (await bob.want(said(`word ${i}`))).getChild("stanza-id", "urn:xmpp:sid:0").attrs.id;
}
pass("both hear what both say");

await ask(ann, den, admin({ nick: "bob", role: "visitor" }, "hush"));
await bob.want(of(den, "bob", (s) => s.getChild("x", MUC + "#user").getChild("item").attrs.role === "visitor"));
await say(bob, den, "unheard");
await bob.want((s) => s.is("message") && s.attrs.type === "error" && s.getChild("error").getChild("forbidden"));
await ask(ann, den, admin({ nick: "bob", role: "none" }, "enough"));
await bob.want(of(den, "bob", code("307")));
await enter(bob, den, "bob");
await ask(ann, den, admin({ jid: `${OTHER_NAME}@${DOMAIN}`, affiliation: "outcast" }, "spam"));
await bob.want(of(den, "bob", code("301")));
check((await enter(bob, den, "bob")).getChild("error").getChild("forbidden"), "who is banned comes in");
pass("voice, kick, ban");

await ask(ann, den, xml("moderate", { xmlns: "urn:xmpp:message-moderate:1", id: ugly }, xml("retract", { xmlns: RETRACT })));
await ann.want((s) => s.getChild("retract", RETRACT)?.attrs.id === ugly);
ann.heard.length = 0;
const fin = (await ask(ann, den, xml("query", { xmlns: MAM, queryid: "q" }))).getChild("fin", MAM);
const got = ann.heard.map((s) => s.getChild("result", MAM)).filter(Boolean).map((r) => r.getChild("forwarded", "urn:xmpp:forward:0").getChild("message"));
check(fin.attrs.complete === "true" && got.filter((m) => m.getChildText("body")).length === 9, `${got.length} in the archive`);
check(got.some((m) => m.getChild("retracted", RETRACT)), "nothing says that a message was taken back");
pass("a message taken back, the archive of the room");

await ask(ann, den, xml("query", { xmlns: MUC + "#owner" }, xml("destroy", {})));
await ann.want(of(den, "ann", (s) => s.getChild("x", MUC + "#user").getChild("destroy")));
pass("the end of the room");
await ann.c.stop();
await bob.c.stop();
process.exit(0);
