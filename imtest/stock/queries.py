"""Requests to the server and to another client: discovery, ping, version, time,
last activity, vCard, private storage, block list."""

from kit import *


async def script():
    a, b = User(name("alice"), register=True), User(name("bob"), register=True)
    await a.login()
    await b.login()
    await friends(a, b)
    alice, bob = a.boundjid, b.boundjid

    info = await a["xep_0030"].get_info(slixmpp.JID(DOMAIN), timeout=PATIENCE)
    check(any(i[0] == "server" and i[1] == "im" for i in info["disco_info"]["identities"]), info)
    missing = {"http://jabber.org/protocol/disco#info", "urn:xmpp:carbons:2", "urn:xmpp:blocking", "urn:xmpp:ping",
               "jabber:iq:version", "urn:xmpp:time", "vcard-temp"} - set(info["disco_info"]["features"])
    check(not missing, f"the domain lacks {missing}")
    info = await a["xep_0030"].get_info(slixmpp.JID(alice.bare), timeout=PATIENCE)
    check(any(i[0] == "pubsub" and i[1] == "pep" for i in info["disco_info"]["identities"]), info)
    missing = {"urn:xmpp:mam:2", "http://jabber.org/protocol/pubsub#publish-options", "urn:xmpp:sid:0"} - set(info["disco_info"]["features"])
    check(not missing, f"the account lacks {missing}")
    await a["xep_0030"].get_items(slixmpp.JID(DOMAIN), timeout=PATIENCE)
    info = await a["xep_0030"].get_info(bob, timeout=PATIENCE)
    check("urn:xmpp:ping" in info["disco_info"]["features"], info)
    passed("discovery of domain, account and client (XEP-0030)")

    await a["xep_0199"].send_ping(slixmpp.JID(DOMAIN), timeout=PATIENCE)
    await a["xep_0199"].send_ping(bob, timeout=PATIENCE)
    passed("ping of server and client (XEP-0199)")
    v = await a["xep_0092"].get_version(slixmpp.JID(DOMAIN), timeout=PATIENCE)
    check(v["software_version"]["name"], v)
    await a["xep_0092"].get_version(bob, timeout=PATIENCE)
    passed("version of server and client (XEP-0092)")
    t = await a["xep_0202"].get_entity_time(slixmpp.JID(DOMAIN), timeout=PATIENCE)
    check(t.xml.find(".//{urn:xmpp:time}utc").text.endswith("Z"), t)
    passed("time of the server (XEP-0202)")
    up = await a["xep_0012"].get_last_activity(slixmpp.JID(DOMAIN), timeout=PATIENCE)
    check(up["last_activity"]["seconds"] >= 0, up)
    idle = await a["xep_0012"].get_last_activity(slixmpp.JID(bob.bare), timeout=PATIENCE)
    check(idle["last_activity"]["seconds"] == 0, idle)
    passed("last activity of server and contact (XEP-0012)")

    card = a["xep_0054"].make_vcard()
    card["FN"], card["NICKNAME"] = "Alice Liddell", "Alice"
    await a["xep_0054"].publish_vcard(card, timeout=PATIENCE)
    got = await b["xep_0054"].get_vcard(slixmpp.JID(alice.bare), cached=False, timeout=PATIENCE)
    check(got["vcard_temp"]["FN"] == "Alice Liddell", got)
    passed("vCard (XEP-0054)")

    iq = a.make_iq_set()
    iq.append(slixmpp.ET.fromstring("<query xmlns='jabber:iq:private'><n xmlns='urn:example:notes'>remember</n></query>"))
    await iq.send(timeout=PATIENCE)
    iq = a.make_iq_get()
    iq.append(slixmpp.ET.fromstring("<query xmlns='jabber:iq:private'><n xmlns='urn:example:notes'/></query>"))
    got = await iq.send(timeout=PATIENCE)
    check(got.xml.find(".//{urn:example:notes}n").text == "remember", got)
    passed("private storage (XEP-0049)")

    # What the server says of bob is for alice's client; what his client sent by itself is
    # for her account, and comes before.
    await a.want("presence_available", lambda p: p["from"] == bob.full and p["to"] == alice.full)
    await b["xep_0191"].get_blocked(timeout=PATIENCE)
    await b["xep_0191"].block(slixmpp.JID(alice.bare), timeout=PATIENCE)
    await a.want("presence_unavailable", lambda p: p["from"] == bob.full)
    a.send_message(bob.bare, "can you hear me?", mtype="chat")
    got = await a.want("message_error")
    check(got["error"]["condition"] == "service-unavailable", got)
    got = await b["xep_0191"].get_blocked(timeout=PATIENCE)
    check(slixmpp.JID(alice.bare) in got["blocklist"]["items"], got)
    await b["xep_0191"].unblock(slixmpp.JID(alice.bare), timeout=PATIENCE)
    await a.want("presence_available", lambda p: p["from"] == bob.full)
    a.send_message(bob.bare, "and now?", mtype="chat")
    await b.message("and now?")
    passed("blocking (XEP-0191)")

    iq = a.make_iq_get(ito=DOMAIN)
    iq.append(slixmpp.ET.fromstring("<query xmlns='urn:example:unknown'/>"))
    await refused("service-unavailable", iq.send(timeout=PATIENCE))
    iq = a.make_iq_get(ito=bob.bare + "/nowhere")
    iq.append(slixmpp.ET.fromstring("<query xmlns='urn:example:unknown'/>"))
    await refused("service-unavailable", iq.send(timeout=PATIENCE))
    passed("no request without an answer (RFC 6120 section 8.2.3)")
    await a.bye()
    await b.bye()


main(script)
