"""Rooms beyond the first client of each: one user with two, a connection that breaks, a
room that hides its users, nicknames that are kept for members, a room for a while."""

from roomkit import *


async def script():
    a, desk = await guests("ann", "bob", plugins=["xep_0198"])
    phone = await Guest("bob", "phone", account=desk.boundjid.user).login()
    den = room("den")
    await a.opens(den)
    await desk.enter(den)
    await phone.enter(den)
    await a.seen(den, "bob")
    await a.never("groupchat_presence", lambda p: p["type"] == "unavailable")
    a.say(den, "to both")
    for u in desk, phone:
        await u.said("to both")
    phone.say(den, "from the phone")
    m = await a.said("from the phone")
    for u in desk, phone:
        got = await u.said("from the phone")
        check(got["from"] == f"{den}/bob" and got["stanza_id"]["id"] == m["stanza_id"]["id"], got)
    a.send_message(f"{den}/bob", "psst", mtype="chat")
    for u in desk, phone:
        await u.message("psst")
    check(len(a.muc.get_roster(den)) == 2, a.muc.get_roster(den))
    passed("two clients of one user are one occupant")

    phone.send_presence(pto=f"{den}/bobby")
    for u in a, desk, phone:
        await u.gone(den, "bob", 303)
        await u.seen(den, "bobby")
    phone.send_presence(pto=f"{den}/bobby", ptype="unavailable")
    await phone.gone(den, "bobby")
    a.heard.clear()
    a.say(den, "one is left")
    await desk.said("one is left")
    await phone.never("groupchat", lambda m: m["body"] == "one is left")
    await a.never("groupchat_presence", lambda p: p["type"] == "unavailable")
    await a.muc.set_role(den, "bobby", "none", timeout=PATIENCE)
    await desk.gone(den, "bobby", 307)
    passed("they have one nickname, and the room goes on for the other when one leaves")

    await desk.want("sm_enabled")
    desk.heard.clear()
    await desk.enter(den)
    desk["xep_0198"].request_ack()  # slixmpp 1.8 forgets what is not acknowledged
    await desk.want("stanza_acked", lambda st: st["to"] == f"{den}/bob")
    desk.end_session_on_disconnect = False
    desk.abort()
    await desk.want("disconnected")
    for i in range(20):
        a.say(den, f"missed {i}")
    for i in range(20):
        await a.said(f"missed {i}")
    desk.connect((HOST, int(PORT)))
    await desk.want("session_resumed")
    for i in range(20):
        m = await desk.want("groupchat", lambda m: m["body"].startswith("missed"))
        check(m["body"] == f"missed {i}", m)
    desk.say(den, "back again")
    await a.said("back again")
    await desk.never("groupchat", lambda m: m["body"].startswith("missed"))
    desk.end_session_on_disconnect = True
    passed("who resumes his session is in the room still, and has everything once (XEP-0198)")

    masks = room("masks")
    await a.opens(masks, whois="moderators", publicroom=False)
    c, = await guests("cat")
    _, _, people, _ = await desk.enter(masks)
    check(not any(p["muc"]["item"]["jid"] for p in people if p["from"].resource == "ann"), people)
    own, _, people, _ = await c.enter(masks)
    check(100 not in own["muc"]["status_codes"], own)
    check({p["from"].resource: bool(p["muc"]["item"]["jid"]) for p in people} == {"ann": False, "bob": False, "cat": True}, people)
    p = await a.seen(masks, "cat")
    check(p["muc"]["item"]["jid"] == c.boundjid.full, p)
    desk.say(masks, "who am I?")
    m = await c.said("who am I?")
    check(desk.boundjid.user not in str(m), m)
    got = await archive(c, masks, rsm={"max": 10})
    check(got and not any(desk.boundjid.user in str(m) for _, m in got), got)
    await refused("forbidden", c["xep_0054"].get_vcard(slixmpp.JID(f"{masks}/bob"), cached=False, timeout=PATIENCE))
    passed("a room that tells only moderators who is who (section 4.2)")

    form = await c["xep_0077"].get_registration(masks, timeout=PATIENCE)
    check(form["register"]["form"].get_fields(), form)
    iq = c.make_iq_set(ito=masks)
    answer = c["xep_0004"].make_form("submit")
    answer.add_field(var="FORM_TYPE", value="http://jabber.org/protocol/muc#register")
    answer.add_field(var="muc#register_roomnick", value="tiger")
    iq["register"].append(answer)
    await iq.send(timeout=PATIENCE)
    await a.gone(masks, "cat", 303)
    await a.seen(masks, "tiger", lambda p: p["muc"]["affiliation"] == "member")
    info = await c["xep_0030"].get_info(masks, "x-roomuser-item", timeout=PATIENCE)
    check([i[3] for i in info["disco_info"]["identities"]] == ["tiger"], info)
    c.send_presence(pto=f"{masks}/tiger", ptype="unavailable")
    await c.gone(masks, "tiger")
    await phone.kept_out("conflict", masks, "Tiger")
    passed("a nickname is kept for a member (sections 7.10, 7.12)")

    while_there = room("while")
    await a.opens(while_there, persistentroom=False)
    await c.enter(while_there)
    for u in a, c:
        u.send_presence(pto=f"{while_there}/{u.nick}", ptype="unavailable")
        await u.gone(while_there, u.nick)
    while True:  # nothing tells who has gone that the room is no more
        try:
            await c["xep_0030"].get_info(while_there, timeout=PATIENCE)
        except IqError as e:
            check(e.iq["error"]["condition"] == "item-not-found", e.iq)
            break
    passed("a temporary room ends when the last one leaves (section 10.1.1)")
    for u in a, desk, phone, c:
        await u.bye()


main(script)
