"""What scripts about rooms (XEP-0045) share: a client that knows rooms, and how to say
which presence of whom must come."""

import slixmpp.plugins.xep_0045.muc as muc
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath, StanzaPath

from kit import *

muc.print = lambda *args: None  # slixmpp 1.8 prints what it reads of the history

SERVICE = slixmpp.JID(f"conference.{DOMAIN}")


def room(base):
    """The address of a room that no other script has."""
    return slixmpp.JID(f"{name(base)}@{SERVICE}")


class Guest(User):
    """A client with the plugins for rooms, in which it has the nickname nick; it makes
    its account, unless there is one. It hears beside: groupchat, any message of that type;
    form, a message with one; refused, a presence of type error; picture, one that says
    which picture somebody has."""

    def __init__(self, nick, *args, account=None, plugins=(), **kw):
        super().__init__(account or name(nick), *args, register=not account, plugins=["xep_0045", "xep_0249", "xep_0421", *plugins], **kw)
        self.nick, self.muc = nick, self["xep_0045"]
        self.muc.room = self.muc.rooms  # slixmpp 1.8 takes a refused invitation for an error without it
        for e in "groupchat_invite", "groupchat_direct_invite", "groupchat_decline", "groupchat_presence":
            self.add_event_handler(e, lambda data, e=e: self.hear(e, data))
        for e, path in ("groupchat", "message@type=groupchat"), ("form", "message/form"), ("refused", "presence@type=error"):
            self.register_handler(Callback(e, StanzaPath(path), lambda st, e=e: self.hear(e, st)))
        picture = MatchXPath("{jabber:client}presence/{vcard-temp:x:update}x/{vcard-temp:x:update}photo")
        self.register_handler(Callback("picture", picture, lambda p: self.hear("picture", p)))

    async def enter(self, to, **kw):
        """Come in; the client has been told everything then. Returns its own presence,
        the subject, who is there, and what was said."""
        return await self.muc.join_muc_wait(to, self.nick, timeout=PATIENCE, **kw)

    async def kept_out(self, condition, to, nick=None, **kw):
        """Do not get in."""
        try:
            await self.muc.join_muc_wait(to, nick or self.nick, timeout=PATIENCE, **kw)
        except slixmpp.exceptions.PresenceError as e:
            check(e.presence["error"]["condition"] == condition, e.presence)
            del self.muc.rooms[to]
            return
        raise AssertionError("the room has let somebody in")

    async def opens(self, to, **settings):
        """Make a room: as it is by itself, or with settings (section 10.1)."""
        own, *_ = await self.enter(to)
        check({110, 201} <= own["muc"]["status_codes"], own)
        form = await self.muc.get_room_config(to, timeout=PATIENCE) if settings else self["xep_0004"].make_form("submit")
        for key, value in settings.items():
            form.field["muc#roomconfig_" + key]["value"] = value
        await self.muc.set_room_config(to, form, timeout=PATIENCE)

    def say(self, to, text):
        self.send_message(to, text, mtype="groupchat")

    async def said(self, text):
        """Wait for what somebody says in a room."""
        return await self.want("groupchat", lambda m: m["body"] == text)

    async def seen(self, at, nick, fits=lambda p: True):
        """Wait for the presence of somebody in a room."""
        return await self.want("groupchat_presence", lambda p: p["from"] == f"{at}/{nick}" and p["type"] != "unavailable" and fits(p))

    async def gone(self, at, nick, *codes):
        """Wait until somebody is not there any more, with these status codes."""
        return await self.want("groupchat_presence", lambda p: p["from"] == f"{at}/{nick}" and p["type"] == "unavailable" and
                               p["muc"]["status_codes"] - {110} == set(codes))


async def guests(*nicks, **kw):
    """Clients with accounts of their own, logged in."""
    return [await Guest(nick, **kw).login() for nick in nicks]


async def archive(user, of, **kw):
    """What is in the archive of a room, as text and stanza."""
    return [(m["mam_result"]["forwarded"]["stanza"]["body"], m["mam_result"]["forwarded"]["stanza"]) async for m in user["xep_0313"].iterate(jid=of, **kw)]
