"""A stock XMPP client and the C-XX terminal client in one room: each sees the other
there, both read the same, each sends the other away."""

from roomkit import *
from termkit import *


async def script():
    alice, carol = name("alice"), name("carol")
    b, d = await guests("bob", "dan")
    for user in alice, carol:
        await cxx(user, "register")
    tea = room("tea")
    tag, bob = f"#{tea.user}", b.boundjid.user
    await cxx(alice, "group-create", tea.user, "title=Tea time", "join=invite", "history=yes", "--nick", "Alice", "--invite", bob)
    heard = await Listener(alice).start()
    m = await b.want("groupchat_invite")
    check(m["from"] == tea and m["muc"]["invite"]["from"] == f"{alice}@{DOMAIN}", m)
    _, _, people, _ = await b.enter(tea)
    there = {p["from"].resource: p for p in people}
    check(set(there) == {"Alice", "bob"} and there["Alice"]["muc"]["affiliation"] == "owner", people)
    joined = await heard.want("group", lambda e: e["state"] == "joined")
    check(joined["nick"] == "bob" and joined["role"] == "member", joined)
    passed("a group of C-XX is a room that its members enter by MUC")

    for i in range(4):
        await cxx(alice, "send", tag, f"tea {i}")
        b.say(tea, f"milk {i}")
        check((await b.said(f"tea {i}"))["from"] == f"{tea}/Alice", "another nickname")
        mine = await b.said(f"milk {i}")
        m = await heard.want("group_message", lambda m: m["text"] == f"milk {i}")
        check(m["nick"] == "bob" and str(m["seq"]) == mine["stanza_id"]["id"], (m, mine))
    got = [(e["nick"], e["text"], str(e["seq"])) for e in await cxx(alice, "history", tag)]
    seen = [(m["from"].resource, body, m["stanza_id"]["id"]) for body, m in await archive(b, tea, rsm={"max": 3}) if body]
    check(got == seen and len(got) == 8, (got, seen))
    passed("messages both ways, one history with one id for each")

    b.muc.set_subject(tea, "Earl Grey")
    e = await heard.want("group", lambda e: e["state"] == "subject")
    check("Earl Grey" in json.dumps(e), e)
    b.send_presence(pto=f"{tea}/Bobby")
    await b.seen(tea, "Bobby")
    await heard.want("group", lambda e: e["state"] == "nick" and e["nick"] == "Bobby")
    await cxx(alice, "nick", tag, "Alicia")
    await b.gone(tea, "Alice", 303)
    await b.seen(tea, "Alicia")
    b.send_message(f"{tea}/Alicia", "psst", mtype="chat")
    m = await b.want("message_error")
    check(m["error"]["condition"] == "recipient-unavailable", m)
    passed("subject and nicknames, seen by both; whispers are for clients of MUC")

    await cxx(alice, "mute", tag, "@Bobby", "--reason", "shh")
    await b.seen(tea, "Bobby", lambda p: p["muc"]["role"] == "visitor")
    b.say(tea, "unheard")
    check((await b.want("message_error"))["error"]["condition"] == "forbidden", "he may speak")
    await cxx(alice, "unmute", tag, "@Bobby")
    await b.seen(tea, "Bobby", lambda p: p["muc"]["role"] == "participant")
    await cxx(alice, "kick", tag, bob, "--reason", "enough")
    p = await b.gone(tea, "Bobby", 307, 321)
    check(p["muc"]["item"]["actor"]["nick"] == "Alicia" and p["muc"]["item"]["reason"] == "enough" and p["muc"]["affiliation"] == "none", p)
    await b.kept_out("registration-required", tea)
    await refused("item-not-found", b["xep_0313"].retrieve(jid=tea))
    passed("muted and sent away by C-XX")

    await cxx(alice, "invite", tag, bob, carol, d.boundjid.user)
    await b.want("groupchat_invite")
    await b.enter(tea)
    await cxx(alice, "role", tag, bob, "admin")
    await b.seen(tea, "bob", lambda p: p["muc"]["affiliation"] == "admin")
    await cxx(carol, "join", tag, "--nick", "Carol")
    listening = await Listener(carol).start()
    await b.seen(tea, "Carol")
    await b.muc.set_role(tea, "Carol", "none", reason="go", timeout=PATIENCE)
    await b.gone(tea, "Carol", 307, 321)
    e = await listening.want("membership", lambda e: e["role"] == "none")
    check(e["reason"] == "go" and e["by"] == "bob", e)
    await cxx(carol, "send", tag, "unheard", code=1)
    await cxx(carol, "history", tag, code=1)
    passed("sent away by MUC")

    await d.enter(tea)
    await cxx(alice, "send", tag, "ugly words")
    ugly = (await d.said("ugly words"))["stanza_id"]["id"]
    await cxx(alice, "retract", tag, ugly)
    m = await d.want("groupchat", lambda m: m.xml.find("{urn:xmpp:message-retract:1}retract") is not None)
    check(m.xml.find("{urn:xmpp:message-retract:1}retract").get("id") == ugly, m)
    await b.muc.set_affiliation(tea, "outcast", jid=d.boundjid.bare, timeout=PATIENCE)
    await d.gone(tea, "dan", 301)
    await heard.want("group", lambda e: e["state"] == "banned" and e["nick"] == "dan")
    passed("what is taken back and who is banned, told to both")

    await cxx(alice, "dissolve", tag, "--reason", "no more tea")
    await heard.want("membership", lambda e: e["state"] == "dissolved")
    p = await b.gone(tea, "bob")
    check(p["muc"]["destroy"]["reason"] == "no more tea", p)
    for l in heard, listening:
        await l.stop()
    passed("the end")
    await b.bye()
    await d.bye()


main(script)
