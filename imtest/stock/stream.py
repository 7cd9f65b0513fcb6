"""The stream itself: stream management with resumption, client state, a new
password, the end of an account."""

from kit import *


def change(user, old, new):
    """A new password by the form that asks for the old one."""
    form = user["xep_0004"].make_form("submit")
    for var, value in ("FORM_TYPE", "jabber:iq:register:changepassword"), ("username", user.boundjid.user), ("old_password", old), ("password", new):
        form.add_field(var=var, value=value)
    iq = user.make_iq_set(ito=DOMAIN)
    iq["register"].append(form)
    return iq.send(timeout=PATIENCE)


async def script():
    a = User(name("alice"), register=True)
    await a.login()
    b = User(name("bob"), register=True, plugins=["xep_0198"])
    await b.login()
    await b.want("sm_enabled")
    check(b["xep_0198"].sm_id, "the session cannot be resumed")
    m = b.send_message(a.boundjid.bare, "counted", mtype="chat")
    await a.message("counted")
    b["xep_0198"].request_ack()
    await b.want("stanza_acked", lambda s: s["body"] == "counted" if s.name == "message" else False)
    passed("stanzas are counted and acknowledged (XEP-0198)")

    b.end_session_on_disconnect = False
    b.abort()
    await b.want("disconnected")
    a.send_message(b.boundjid.bare, "while you were away", mtype="chat")
    await a.ping()
    b.connect((HOST, int(PORT)))
    await b.want("session_resumed")
    await b.message("while you were away")
    b.send_message(a.boundjid.bare, "back again", mtype="chat")
    got = await a.message("back again")
    check(got["from"] == b.boundjid.full, got)
    await b.never("message", lambda m: m["body"] == "while you were away")
    passed("a session goes on after its connection broke (XEP-0198 section 5)")

    b["xep_0352"].send_inactive()
    a.send_message(b.boundjid.bare, "wake up", mtype="chat")
    await b.message("wake up")
    b["xep_0352"].send_active()
    passed("client state (XEP-0352)")
    b.end_session_on_disconnect = True
    await b.bye()

    asked = await refused("not-authorized", a["xep_0077"].change_password("another long secret", jid=slixmpp.JID(DOMAIN), timeout=PATIENCE))
    check(asked.xml.find(".//{jabber:x:data}field[@var='old_password']") is not None, asked)
    await refused("not-authorized", change(a, "wrong", "another long secret"))
    await change(a, a.password, "another long secret")
    await a.bye()
    wrong = User(a.boundjid.user)
    wrong.connect((HOST, int(PORT)))
    await wrong.want("failed_auth")
    await wrong.bye()
    a = await User(a.boundjid.user, password="another long secret").login()
    passed("a new password (XEP-0077 section 3.3)")

    iq = a.make_iq_set()
    iq["register"]["remove"] = True
    try:
        await iq.send(timeout=PATIENCE)
    except slixmpp.exceptions.IqTimeout:
        pass
    await a.want("disconnected")
    gone = User(a.boundjid.user, password="another long secret")
    gone.connect((HOST, int(PORT)))
    await gone.want("failed_auth")
    await gone.bye()
    passed("the end of an account (XEP-0077 section 3.2)")


main(script)
