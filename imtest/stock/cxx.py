"""A stock XMPP client and the C-XX terminal client, one account each and both on
one account: messages, presence, requests, history."""

from termkit import *


async def script():
    alice = name("alice")
    b = User(name("bob"), register=True)
    await b.login()
    bob = b.boundjid.user
    await cxx(alice, "register")
    passed("accounts made by either client")

    await cxx(alice, "send", bob, "hello from C-XX")
    m = await b.message("hello from C-XX")
    check(m["from"] == f"{alice}@{DOMAIN}" and m["type"] == "chat" and m["stanza_id"]["id"], m)
    listening = asyncio.create_task(cxx(alice, "listen", "--count", "1", "--since", "0"))
    b.send_message(f"{alice}@{DOMAIN}", "hello from XMPP", mtype="chat")
    got = [e for e in await listening if e["type"] == "message"]
    check(got and got[0]["text"] == "hello from XMPP", got)
    passed("messages both ways")

    got = await cxx(alice, "history", bob)
    check([e["text"] for e in got] == ["hello from C-XX", "hello from XMPP"], got)
    seen = [m["mam_result"]["forwarded"]["stanza"]["body"] async for m in b["xep_0313"].iterate(rsm={"max": 10})]
    check(seen == ["hello from C-XX", "hello from XMPP"], seen)
    passed("one history")

    b.auto_authorize = b.auto_subscribe = None
    await cxx(alice, "add", bob, "--note", "please")
    p = await b.want("presence_subscribe")
    check(p["from"] == f"{alice}@{DOMAIN}", p)
    b.send_presence_subscription(pto=p["from"], ptype="subscribed")
    b.send_presence_subscription(pto=p["from"])
    await b.want("presence_subscribed")
    b.send_presence(pshow="away", pstatus="lunch")
    await b.ping()
    got = await cxx(alice, "contacts")
    check("away" in json.dumps(got) and "lunch" in json.dumps(got), got)
    passed("a request, its answer, presence")

    phone = await cxx(bob, "send", alice, "from my phone")
    check(phone, phone)
    await b["xep_0280"].enable(timeout=PATIENCE)
    await cxx(bob, "send", alice, "also from my phone")
    got = await b.want("carbon_sent")
    check(got["carbon_sent"]["body"] == "also from my phone", got)
    got = [e["text"] for e in await cxx(bob, "history", alice)]
    check(got == ["hello from C-XX", "hello from XMPP", "from my phone", "also from my phone"], got)
    passed("one account on both: carbons, one conversation in one order")
    await b.bye()


main(script)
