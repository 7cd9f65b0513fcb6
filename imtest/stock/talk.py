"""Two accounts: registration, login, roster, subscription, presence, chat, and
what goes along with messages."""

from kit import *


def item(jid, key, value):
    def fits(iq):
        i = iq["roster"]["items"].get(slixmpp.JID(jid.bare))
        return i is not None and i[key] == value
    return fits


async def script():
    a, b = User(name("alice"), register=True), User(name("bob"), register=True)
    await a.login()
    passed("in-band registration (XEP-0077) and login (RFC 6120)")
    await b.login()
    alice, bob = a.boundjid, b.boundjid
    check("xep_0138" not in a.features, "compression is offered")

    a.auto_authorize = b.auto_authorize = None
    a.send_presence_subscription(pto=bob.bare)
    await a.want("roster_update", item(bob, "ask", "subscribe"))
    await b.want("presence_subscribe", lambda p: p["from"] == alice.bare)
    b.send_presence_subscription(pto=alice.bare, ptype="subscribed")
    await a.want("presence_subscribed", lambda p: p["from"] == bob.bare)
    await a.want("roster_update", item(bob, "subscription", "to"))
    await a.want("presence_available", lambda p: p["from"] == bob.full)
    b.send_presence_subscription(pto=alice.bare)
    await a.want("presence_subscribe", lambda p: p["from"] == bob.bare)
    a.send_presence_subscription(pto=bob.bare, ptype="subscribed")
    await b.want("presence_available", lambda p: p["from"] == alice.full)
    await a.want("roster_update", item(bob, "subscription", "both"))
    passed("subscription both ways (RFC 6121 section 3)")

    await a.update_roster(bob.bare, name="Bobby", groups=["Friends"], timeout=PATIENCE)
    await a.want("roster_update", item(bob, "name", "Bobby"))
    await a.get_roster(timeout=PATIENCE)
    check(a.client_roster[bob.bare]["groups"] == ["Friends"], a.client_roster[bob.bare])
    passed("roster set, push and get (RFC 6121 section 2)")

    for show in "away", "dnd", "xa", "chat":
        a.send_presence(pshow=show, pstatus=f"I am {show}", ppriority=3)
        p = await b.want("presence", lambda p: p["from"] == alice.full and p["show"] == show)
        check(p["status"] == f"I am {show}" and p["priority"] == 3, p)
    a.send_presence()
    passed("presence with show, status and priority (RFC 6121 section 4)")

    for i in range(20):
        a.send_message(bob.bare, f"message {i}", mtype="chat")
    bodies = [(await b.want("message"))["body"] for _ in range(20)]
    check(bodies == [f"message {i}" for i in range(20)], bodies)
    m = b.make_message(alice.bare, "<&> äöü 🙂\nsecond line", mtype="chat")
    m.send()
    got = await a.message("<&> äöü 🙂\nsecond line")
    check(got["from"] == bob.full and got["stanza_id"]["by"] == alice.bare, got)
    passed("chat in order, stanza-id (RFC 6121 section 5, XEP-0359)")

    m = a.make_message(bob.bare, "with receipt", mtype="chat")
    m["request_receipt"] = True
    m.send()
    await b.message("with receipt")
    got = await a.want("receipt_received")
    check(got["receipt"] == m["id"] and got["from"] == bob.full, got)
    passed("delivery receipt (XEP-0184)")

    b["xep_0333"].send_marker(slixmpp.JID(alice.bare), m["id"], "displayed")
    got = await a.want("marker_displayed")
    check(got["displayed"]["id"] == m["id"] and got["from"].bare == bob.bare, got)
    passed("displayed marker (XEP-0333)")

    for state in "composing", "paused":
        m = a.make_message(bob.bare, mtype="chat")
        m["chat_state"] = state
        m.send()
        await b.want("chatstate_" + state, lambda m: m["from"].bare == alice.bare)
    passed("chat states (XEP-0085)")

    m = a.make_message(bob.bare, "corrected", mtype="chat")
    m["replace"]["id"] = "earlier"
    m.send()
    got = await b.message("corrected")
    check(got["replace"]["id"] == "earlier", got)
    passed("correction (XEP-0308)")

    a.send_message(f"nobody-{alice.user}@{DOMAIN}", "hello?", mtype="chat")
    got = await a.want("message_error")
    check(got["error"]["condition"] == "service-unavailable", got)
    passed("an error for who does not exist (RFC 6121 section 8.5.1)")

    await a.update_roster(bob.bare, subscription="remove", timeout=PATIENCE)
    await b.want("presence_unavailable", lambda p: p["from"] == alice.full)
    await b.want("presence_unsubscribed", lambda p: p["from"] == alice.bare)
    passed("removal ends both subscriptions (RFC 6121 section 2.5)")
    await a.bye()
    await b.bye()
    passed("logout")


main(script)
