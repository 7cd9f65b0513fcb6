"""Personal eventing: nick, avatar, bookmarks, a device list as OMEMO has it, and
events to contacts that asked for them."""

from kit import *

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082")
DEVICES = "eu.siacs.conversations.axolotl.devicelist"
BOOKMARKS = "urn:xmpp:bookmarks:1"


def pubsub(to, typ, inner):
    iq = to.make_iq_set() if typ == "set" else to.make_iq_get()
    iq.append(slixmpp.ET.fromstring(f"<pubsub xmlns='http://jabber.org/protocol/pubsub'>{inner}</pubsub>"))
    return iq


def options(**fields):
    text = "".join(f"<field var='pubsub#{k}'><value>{v}</value></field>" for k, v in fields.items())
    return ("<publish-options><x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'>"
            f"<value>http://jabber.org/protocol/pubsub#publish-options</value></field>{text}</x></publish-options>")


def events(node):
    return lambda m: any(i.get("node") == node for i in m.xml.iter("{http://jabber.org/protocol/pubsub#event}items"))


async def script():
    a, b = User(name("alice"), register=True), User(name("bob"), register=True)
    for c in a, b:
        for n in "http://jabber.org/protocol/nick", "urn:xmpp:avatar:metadata", DEVICES:
            c["xep_0163"].add_interest(n)
    await a.login()
    await b.login()
    for c in a, b:
        await c["xep_0115"].update_caps()
    await friends(a, b)

    await b["xep_0172"].publish_nick("Bobby", timeout=PATIENCE)
    got = await a.want("user_nick_publish", lambda m: m["from"] == b.boundjid.bare)
    check(got["pubsub_event"]["items"]["item"]["nick"]["nick"] == "Bobby", got)
    passed("nick reaches a contact who wants it (XEP-0172, XEP-0163)")

    await b["xep_0084"].publish_avatar(PNG, timeout=PATIENCE)
    ident = b["xep_0084"].generate_id(PNG)
    await b["xep_0084"].publish_avatar_metadata({"id": ident, "type": "image/png", "bytes": str(len(PNG))}, timeout=PATIENCE)
    await a.want("avatar_metadata_publish", lambda m: m["from"] == b.boundjid.bare)
    got = await a["xep_0084"].retrieve_avatar(slixmpp.JID(b.boundjid.bare), ident, timeout=PATIENCE)
    check(got["pubsub"]["items"]["item"]["avatar_data"]["value"] == PNG, got)
    passed("avatar (XEP-0084)")

    await pubsub(b, "set", f"<publish node='{DEVICES}'><item id='current'><list xmlns='eu.siacs.conversations.axolotl'><device id='7'/></list></item></publish>"
                 + options(access_model="open", persist_items="true")).send(timeout=PATIENCE)
    iq = pubsub(a, "get", f"<items node='{DEVICES}'/>")
    iq["to"] = b.boundjid.bare
    got = await iq.send(timeout=PATIENCE)
    check(got.xml.find(".//{eu.siacs.conversations.axolotl}device").get("id") == "7", got)
    stranger = await User(name("carol"), register=True).login()
    iq = pubsub(stranger, "get", f"<items node='{DEVICES}'/>")
    iq["to"] = b.boundjid.bare
    await iq.send(timeout=PATIENCE)
    iq = pubsub(stranger, "get", "<items node='http://jabber.org/protocol/nick'/>")
    iq["to"] = b.boundjid.bare
    try:
        await iq.send(timeout=PATIENCE)
        raise AssertionError("a stranger reads a node for contacts")
    except IqError as e:
        check(e.iq["error"]["condition"] in ("not-authorized", "forbidden", "item-not-found"), e.iq)
    passed("open and closed nodes (XEP-0060 access models, publish-options)")

    private = options(access_model="whitelist", persist_items="true", max_items="max", send_last_published_item="never")
    for room in "tea", "croquet":
        await pubsub(b, "set", f"<publish node='{BOOKMARKS}'><item id='{room}@rooms.example.org'><conference xmlns='{BOOKMARKS}' autojoin='true'/></item></publish>"
                     + private).send(timeout=PATIENCE)
    got = await pubsub(b, "get", f"<items node='{BOOKMARKS}'/>").send(timeout=PATIENCE)
    check({i.get("id") for i in got.xml.iter("{http://jabber.org/protocol/pubsub}item")} == {"tea@rooms.example.org", "croquet@rooms.example.org"}, got)
    await pubsub(b, "set", f"<retract node='{BOOKMARKS}' notify='true'><item id='tea@rooms.example.org'/></retract>").send(timeout=PATIENCE)
    got = await pubsub(b, "get", f"<items node='{BOOKMARKS}'/>").send(timeout=PATIENCE)
    check([i.get("id") for i in got.xml.iter("{http://jabber.org/protocol/pubsub}item")] == ["croquet@rooms.example.org"], got)
    iq = pubsub(a, "get", f"<items node='{BOOKMARKS}'/>")
    iq["to"] = b.boundjid.bare
    try:
        await iq.send(timeout=PATIENCE)
        raise AssertionError("a contact reads private bookmarks")
    except IqError:
        pass
    passed("bookmarks, private (XEP-0402, XEP-0223)")

    await refused("conflict", pubsub(b, "set", f"<publish node='{BOOKMARKS}'><item id='x'><conference xmlns='{BOOKMARKS}'/></item></publish>"
                                     + options(access_model="open")).send(timeout=PATIENCE))
    await refused("item-not-found", pubsub(b, "get", "<items node='urn:example:nowhere'/>").send(timeout=PATIENCE))
    passed("preconditions and missing nodes (XEP-0060 sections 7.1.5 and 6.5.9)")
    for c in a, b, stranger:
        await c.bye()


main(script)
