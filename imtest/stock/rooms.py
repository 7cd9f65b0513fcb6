"""A room with three people: who comes in learns who is there, what was said and what
about, and then everything once; private messages, nicknames, presence, history, leaving
and the end of the room."""

from roomkit import *


async def script():
    a, b, c = await guests("ann", "bob", "cat")
    info = await a["xep_0030"].get_items(slixmpp.JID(DOMAIN), timeout=PATIENCE)
    check(str(SERVICE) in [i[0] for i in info["disco_items"]["items"]], info)
    info = await a["xep_0030"].get_info(SERVICE, timeout=PATIENCE)
    check(any(i[:2] == ("conference", "text") for i in info["disco_info"]["identities"]), info)
    check("http://jabber.org/protocol/muc" in info["disco_info"]["features"], info)
    passed("where the rooms are (section 6.1)")

    den = room("den")
    own, *_ = await a.enter(den)
    check({110, 201} <= own["muc"]["status_codes"] and own["muc"]["role"] == "moderator" and own["muc"]["affiliation"] == "owner", own)
    await b.kept_out("item-not-found", den)
    await a.muc.set_room_config(den, a["xep_0004"].make_form("submit"), timeout=PATIENCE)
    info = await b["xep_0030"].get_info(den, timeout=PATIENCE)
    missing = {"muc_open", "muc_unmoderated", "muc_persistent", "urn:xmpp:mam:2", "urn:xmpp:sid:0", "urn:xmpp:occupant-id:0"} - set(info["disco_info"]["features"])
    check(not missing, f"the room lacks {missing}")
    passed("an instant room, locked until its owner takes it as it is (section 10.1.2)")

    for i in range(30):
        a.say(den, f"before {i}")
    for i in range(30):
        m = await a.want("groupchat", lambda m: m["body"])
        check(m["body"] == f"before {i}" and m["from"] == f"{den}/ann", m)
        check(m["stanza_id"]["by"] == den and m["stanza_id"]["id"], m)
        check(m["occupant-id"]["id"] == own["occupant-id"]["id"], m)
    a.muc.set_subject(den, "tea")
    await a.want("groupchat", lambda m: m["subject"] == "tea" and m["from"] == f"{den}/ann")
    passed("what one says comes back, in order (sections 7.4, 8.1, XEP-0359, XEP-0421)")

    _, subject, people, history = await b.enter(den, maxstanzas=5)
    check([m["body"] for m in history] == [f"before {i}" for i in range(25, 30)], history)
    check(all(m["delay"]["stamp"] and m["delay"]["from"] == den for m in history), history)
    check(subject["subject"] == "tea" and subject["delay"]["stamp"], subject)
    check([p["from"].resource for p in people] == ["ann", "bob"], people)
    order = [e for e, _ in b.heard if e.startswith("groupchat")]
    check(order == ["groupchat_presence"] * 2 + ["groupchat"] * 6, order)
    passed("who is there, oneself, history, subject (section 7.1)")
    await a.seen(den, "bob")
    for nick in "BOB", "bоb":  # the second with a Cyrillic о
        await c.kept_out("conflict", den, nick)
    passed("nicknames are unique, also those that look alike (section 7.2.8)")
    *_, history = await c.enter(den, maxstanzas=0)
    check(not history, history)

    for u in a, b, c:
        await u.seen(den, "cat")
        u.heard.clear()
    for i in range(20):
        for u in a, b, c:
            u.say(den, f"{u.nick} {i}")
    seen = []
    for u in a, b, c:
        seen.append([(await u.want("groupchat"))["body"] for _ in range(60)])
        await u.never("groupchat")
    check(seen[0] == seen[1] == seen[2] and len(set(seen[0])) == 60, seen)
    passed("everybody gets everything once, in one order")

    b.send_message(f"{den}/cat", "psst", mtype="chat")
    m = await c.message("psst")
    check(m["from"] == f"{den}/bob" and m["type"] == "chat", m)
    await a.never("message", lambda m: m["body"] == "psst")
    passed("private messages (section 7.5)")

    b.send_presence(pto=f"{den}/bobby")
    p = await a.gone(den, "bob", 303)
    check(p["muc"]["item"]["nick"] == "bobby", p)
    await a.seen(den, "bobby")
    await b.seen(den, "bobby", lambda p: 110 in p["muc"]["status_codes"])
    c.send_presence(pto=f"{den}/Bobby")
    await c.want("refused", lambda p: p["from"].bare == den and p["error"]["condition"] == "conflict")
    b.send_presence(pto=f"{den}/bobby", pshow="away", pstatus="tea")
    await a.seen(den, "bobby", lambda p: p["show"] == "away" and p["status"] == "tea")
    passed("another nickname, another presence (sections 7.6, 7.7)")

    check(await b["xep_0199"].send_ping(slixmpp.JID(f"{den}/bobby"), timeout=PATIENCE), "no answer")
    info = await b["xep_0092"].get_version(slixmpp.JID(f"{den}/cat"), timeout=PATIENCE)
    check(info["from"] == f"{den}/cat", info)
    passed("requests to oneself (XEP-0410) and to others")

    c.send_presence(pto=f"{den}/cat", ptype="unavailable", pstatus="bye")
    check((await a.gone(den, "cat"))["status"] == "bye", "no last word")
    await c.gone(den, "cat")
    await refused("not-acceptable", c["xep_0199"].send_ping(slixmpp.JID(f"{den}/cat"), timeout=PATIENCE))
    c.say(den, "from outside")
    m = await c.want("message_error", lambda m: m["from"] == den)
    check(m["error"]["condition"] == "not-acceptable", m)
    a.say(den, "without cat")
    last = await a.said("without cat")
    await b.said("without cat")
    await c.never("groupchat", lambda m: m["body"] == "without cat")
    passed("who leaves is out (section 7.14)")

    all_said = [f"before {i}" for i in range(30)] + seen[0] + ["without cat"]
    got = await archive(b, den, rsm={"max": 20})
    check([body for body, m in got if body] == all_said, got)
    check(any(m["subject"] == "tea" for _, m in got), "the subject is not in the archive")
    check(all(m["from"].bare == den and m["type"] == "groupchat" for _, m in got), got)
    got = await archive(b, den, reverse=True, rsm={"max": 4}, total=6)
    check({body for body, _ in got} == set(all_said[-6:]), got)
    got = await archive(b, den, with_jid=slixmpp.JID(f"{den}/ann"), rsm={"max": 50})
    check([body for body, _ in got if body] == [t for t in all_said if not t.startswith(("bob", "cat"))], got)
    *_, history = await c.enter(den, seconds=3600)
    check([m["body"] for m in history] == all_said, history)
    check(history[-1]["stanza_id"]["id"] == last["stanza_id"]["id"], "the id has changed")
    passed("what was said, by pages and on coming in (XEP-0313, section 7.2.14)")

    await b.bye()
    await a.gone(den, "bobby")
    passed("who goes offline has left the room")
    await refused("forbidden", c.muc.destroy(den, timeout=PATIENCE))
    other = room("other")
    await a.muc.destroy(den, "moved", other, timeout=PATIENCE)
    for u in a, c:
        p = await u.gone(den, u.nick)
        check(p["muc"]["destroy"]["reason"] == "moved" and p["muc"]["destroy"]["jid"] == other, p)
    await refused("item-not-found", c["xep_0030"].get_info(den, timeout=PATIENCE))
    passed("the end of a room (section 10.9)")
    await a.bye()
    await c.bye()


main(script)
