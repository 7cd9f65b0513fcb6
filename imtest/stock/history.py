"""What a user's other clients and later logins see: carbons, archive, offline
messages."""

from kit import *


async def script():
    bob = name("bob")
    a, desk = User(name("alice"), register=True), User(bob, "desk", register=True)
    await a.login()
    await desk.login()
    phone = await User(bob, "phone").login()
    for c in desk, phone:
        await c["xep_0280"].enable(timeout=PATIENCE)
    a.send_message(desk.boundjid, "to the desk", mtype="chat")
    await desk.message("to the desk")
    got = await phone.want("carbon_received")
    check(got["carbon_received"]["body"] == "to the desk" and got["from"] == desk.boundjid.bare, got)
    desk.send_message(a.boundjid, "from the desk", mtype="chat")
    await a.message("from the desk")
    got = await phone.want("carbon_sent")
    check(got["carbon_sent"]["body"] == "from the desk" and got["carbon_sent"]["to"] == a.boundjid.full, got)
    m = desk.make_message(a.boundjid, "between us", mtype="chat")
    m.append(slixmpp.ET.Element("{urn:xmpp:carbons:2}private"))
    m.append(slixmpp.ET.Element("{urn:xmpp:hints}no-copy"))
    m.send()
    await a.message("between us")
    await phone.never("carbon_sent")
    await phone["xep_0280"].disable(timeout=PATIENCE)
    a.send_message(desk.boundjid, "unseen", mtype="chat")
    await desk.message("unseen")
    await phone.never("carbon_received")
    passed("carbons (XEP-0280)")

    await phone.bye()
    for i in range(30):
        a.send_message(desk.boundjid.bare, f"line {i}", mtype="chat")
    for i in range(30):
        await desk.message(f"line {i}")
    seen = []
    async for m in desk["xep_0313"].iterate(with_jid=slixmpp.JID(a.boundjid.bare), rsm={"max": 10}):
        seen.append(m["mam_result"]["forwarded"]["stanza"]["body"])
    check([s for s in seen if s.startswith("line")] == [f"line {i}" for i in range(30)], seen)
    check("between us" in seen and "from the desk" in seen, seen)
    seen, ids = [], []
    async for m in desk["xep_0313"].iterate(with_jid=slixmpp.JID(a.boundjid.bare), reverse=True, rsm={"max": 5}, total=7):
        seen.append(m["mam_result"]["forwarded"]["stanza"]["body"])
        ids.append(m["mam_result"]["id"])
    check(len(set(ids)) == 7 and {"line 29", "line 23"} <= set(seen), seen)
    mine = [m["mam_result"]["forwarded"]["stanza"]["body"] async for m in a["xep_0313"].iterate(rsm={"max": 50})]
    check(mine[-1] == "line 29", mine)
    passed("archive, paged both ways (XEP-0313, XEP-0059)")

    await desk.bye()
    for i in range(5):
        a.send_message(desk.boundjid.bare, f"waiting {i}", mtype="chat")
    await a.ping()
    desk = await User(bob, "desk").login()
    for i in range(5):
        m = await desk.message(f"waiting {i}")
        check(m["delay"]["stamp"], m)
    passed("offline messages with their time (XEP-0160, XEP-0203)")
    await desk.bye()
    await a.bye()


main(script)
