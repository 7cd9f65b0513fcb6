"""Who keeps order in a room: its settings, invitations, voice, kicks, bans, lists of
affiliations, messages taken back, a password, a picture, bookmarks."""

from roomkit import *

MODERATE, RETRACT = "urn:xmpp:message-moderate:1", "urn:xmpp:message-retract:1"


# A picture of one pixel.
PIXEL = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082")


async def script():
    a, b, c, d = await guests("ann", "bob", "cat", "dan", plugins=["xep_0048"])
    hall, ann, bob, cat = room("hall"), a.boundjid.bare, b.boundjid.bare, c.boundjid.bare
    await a.opens(hall, roomname="The hall", roomdesc="For talks", moderatedroom=True, membersonly=True, allowinvites=True, publicroom=True)
    info = await a["xep_0030"].get_info(hall, timeout=PATIENCE)
    check(("conference", "text", None, "The hall") in info["disco_info"]["identities"], info)
    check({"muc_moderated", "muc_membersonly", "muc_public"} <= set(info["disco_info"]["features"]), info)
    form = info.xml.find(".//{jabber:x:data}field[@var='muc#roominfo_description']/{jabber:x:data}value")
    check(form.text == "For talks", info)
    rooms = await a["xep_0030"].get_items(SERVICE, timeout=PATIENCE, iterator=True)
    listed = [item async for page in rooms for item in page["disco_items"]["items"]]
    check((str(hall), None, "The hall") in listed, listed)
    passed("a room with settings is found (sections 6.3, 6.4, 10.1.3)")

    await b.kept_out("registration-required", hall)
    a.muc.invite(hall, b.boundjid.bare, reason="talk to us")
    m = await b.want("groupchat_invite")
    check(m["from"] == hall and m["muc"]["invite"]["from"] == ann and m["muc"]["invite"]["reason"] == "talk to us", m)
    own, *_ = await b.enter(hall)
    check(own["muc"]["affiliation"] == "member", own)
    b["xep_0249"].send_invitation(c.boundjid.bare, hall, reason="come too")
    m = await c.want("groupchat_direct_invite")
    check(m["from"].bare == bob and m["groupchat_invite"]["jid"] == hall and m["groupchat_invite"]["reason"] == "come too", m)
    await c.enter(hall)
    a.muc.invite(hall, d.boundjid.bare)
    m = await d.want("groupchat_invite")
    d.muc.decline(hall, slixmpp.JID(ann), reason="no time")
    m = await a.want("groupchat_decline")
    check(m["from"] == hall and m["muc"]["decline"]["from"] == d.boundjid.bare and m["muc"]["decline"]["reason"] == "no time", m)
    passed("invitations, through the room and direct, and a refusal (section 7.8, XEP-0249)")

    await a.muc.set_role(hall, "cat", "visitor", reason="too loud", timeout=PATIENCE)
    for u in a, b, c:
        p = await u.seen(hall, "cat", lambda p: p["muc"]["role"] == "visitor")
        check(p["muc"]["item"]["reason"] == "too loud" and p["muc"]["item"]["actor"]["nick"] == "ann", p)
    c.say(hall, "unheard")
    m = await c.want("message_error")
    check(m["error"]["condition"] == "forbidden" and m["from"] == hall, m)
    c.heard.clear()
    c.muc.request_voice(hall, "participant")
    m = await a.want("form")
    check(m["from"] == hall and m["form"].get_values()["muc#roomnick"] == "cat", m)
    m["form"]["type"] = "submit"
    m["form"].field["muc#request_allow"]["value"] = True
    m.reply(clear=False).send()
    await c.seen(hall, "cat", lambda p: p["muc"]["role"] == "participant")
    c.say(hall, "thank you")
    await a.said("thank you")
    check(set(await a.muc.get_roles_list(hall, "participant", timeout=PATIENCE)) == {"bob", "cat"}, "who may speak")
    await refused("forbidden", b.muc.set_role(hall, "cat", "visitor", timeout=PATIENCE))
    passed("voice is taken, asked for and given (sections 7.13, 8.3, 8.4, 8.6)")

    await refused("forbidden", b.muc.set_role(hall, "cat", "none", timeout=PATIENCE))
    await a.muc.set_role(hall, "cat", "none", reason="enough", timeout=PATIENCE)
    for u in a, b, c:
        p = await u.gone(hall, "cat", 307)
        check(p["muc"]["item"]["reason"] == "enough" and p["muc"]["item"]["actor"]["nick"] == "ann", p)
    c.say(hall, "unheard")
    m = await c.want("message_error")
    check(m["error"]["condition"] == "not-acceptable", m)
    await c.enter(hall)
    passed("a kick, after which one may come back (section 8.2)")

    await a.muc.set_affiliation(hall, "admin", jid=bob, timeout=PATIENCE)
    await b.seen(hall, "bob", lambda p: p["muc"]["affiliation"] == "admin" and p["muc"]["role"] == "moderator")
    await refused("not-allowed", b.muc.set_affiliation(hall, "outcast", jid=ann, timeout=PATIENCE))
    await refused("not-allowed", b.muc.set_role(hall, "ann", "none", timeout=PATIENCE))
    await b.muc.set_affiliation(hall, "outcast", jid=cat, reason="spam", timeout=PATIENCE)
    for u in a, b, c:
        p = await u.gone(hall, "cat", 301)
        check(p["muc"]["affiliation"] == "outcast" and p["muc"]["item"]["reason"] == "spam", p)
    await c.kept_out("forbidden", hall)
    lists = [await a.muc.get_affiliation_list(hall, word, timeout=PATIENCE) for word in ("owner", "admin", "member", "outcast")]
    check(lists == [[ann], [bob], [], [cat]], lists)
    await refused("item-not-found", c.muc.get_affiliation_list(hall, "member", timeout=PATIENCE))
    await b.muc.send_affiliation_list(hall, [(slixmpp.JID(cat), "member"), (d.boundjid, "member")], timeout=PATIENCE)
    lists = [await b.muc.get_affiliation_list(hall, word, timeout=PATIENCE) for word in ("member", "outcast")]
    check(sorted(lists[0]) == sorted([cat, d.boundjid.bare]) and not lists[1], lists)
    await c.enter(hall)
    passed("bans and affiliations (section 9)")

    c.say(hall, "something ugly")
    ugly = (await a.said("something ugly"))["stanza_id"]["id"]
    iq = b.make_iq_set(ito=hall)
    iq.append(slixmpp.ET.fromstring(f"<moderate xmlns='{MODERATE}' id='{ugly}'><retract xmlns='{RETRACT}'/><reason>ugly</reason></moderate>"))
    await iq.send(timeout=PATIENCE)
    for u in a, b, c:
        m = await u.want("groupchat", lambda m: m.xml.find(f"{{{RETRACT}}}retract") is not None)
        r = m.xml.find(f"{{{RETRACT}}}retract")
        check(m["from"] == hall and r.get("id") == ugly and r.find(f"{{{MODERATE}}}moderated") is not None, m)
    got = await archive(c, hall, rsm={"max": 50})
    check("something ugly" not in [body for body, _ in got] and "thank you" in [body for body, _ in got], got)
    check(any(m["stanza_id"]["id"] == ugly and m.xml.find(f"{{{RETRACT}}}retracted") is not None for _, m in got), got)
    passed("what somebody said is taken back by who keeps order (XEP-0425)")

    form = await a.muc.get_room_config(hall, timeout=PATIENCE)
    form.field["muc#roomconfig_membersonly"]["value"] = False
    form.field["muc#roomconfig_passwordprotectedroom"]["value"] = True
    form.field["muc#roomconfig_roomsecret"]["value"] = "sesame"
    await a.muc.set_room_config(hall, form, timeout=PATIENCE)
    await b.want("groupchat", lambda m: 104 in m["muc"]["status_codes"])
    e = await Guest("eve").login()
    await e.kept_out("not-authorized", hall)
    await e.kept_out("not-authorized", hall, password="open")
    own, *_ = await e.enter(hall, password="sesame")
    check(own["muc"]["affiliation"] == "none" and own["muc"]["role"] == "visitor", own)
    passed("a password (section 7.2.6)")

    card = a["xep_0054"].make_vcard()
    card["PHOTO"]["TYPE"], card["PHOTO"]["BINVAL"] = "image/png", PIXEL
    await a["xep_0054"].publish_vcard(card, jid=hall, timeout=PATIENCE)
    await b.want("picture", lambda p: p["from"] == hall)
    got = await b["xep_0054"].get_vcard(hall, timeout=PATIENCE)
    check(got["vcard_temp"]["PHOTO"]["BINVAL"] == PIXEL, got)
    passed("a picture (XEP-0486)")

    got = await b["xep_0048"].get_bookmarks(method="xep_0049", timeout=PATIENCE)
    mine = [m for m in got["private"]["bookmarks"]["conferences"] if m["jid"] == hall]
    check(len(mine) == 1 and mine[0]["autojoin"] and mine[0]["nick"] == "bob", got)
    passed("a member finds his rooms among his bookmarks (XEP-0048, XEP-0402)")
    for u in a, b, c, d, e:
        await u.bye()


main(script)
