"""What the scripts beside this one share: a slixmpp client that remembers what
it hears, so that a script can say what must come and wait for it.

The environment says where the server is: XMPP (host:port), CA (a file), DOMAIN.
A script prints a line PASS for each thing that works and fails with a traceback
at the first that does not."""

import asyncio
import os
import random
import string
import sys

import slixmpp
from slixmpp.exceptions import IqError

DOMAIN = os.environ.get("DOMAIN", "localhost")
HOST, PORT = os.environ["XMPP"].rsplit(":", 1)
PATIENCE = 20

EVENTS = """message presence roster_update presence_subscribe presence_subscribed
presence_unsubscribe presence_unsubscribed presence_available presence_unavailable
carbon_received carbon_sent receipt_received marker_displayed chatstate_composing
chatstate_paused blocked unblocked session_resumed sm_enabled sm_failed stanza_acked
avatar_metadata_publish user_nick_publish stream_error disconnected failed_auth
message_error bookmarks_publish device_list_publish""".split()

PLUGINS = """xep_0004 xep_0012 xep_0030 xep_0049 xep_0054 xep_0059 xep_0060 xep_0077 xep_0084
xep_0085 xep_0092 xep_0115 xep_0163 xep_0172 xep_0184 xep_0191 xep_0199 xep_0202
xep_0203 xep_0280 xep_0297 xep_0308 xep_0313 xep_0333 xep_0334 xep_0352 xep_0359""".split()


def name(base):
    """A user name that no other script has."""
    return base + "-" + "".join(random.choices(string.ascii_lowercase, k=8))


def passed(what):
    print("PASS", what, flush=True)


def check(ok, what):
    if not ok:
        raise AssertionError(what)


class Ear:
    """Somebody who remembers what he hears."""

    def __init__(self, who):
        self.who, self.heard, self.change = who, [], asyncio.Event()

    def hear(self, event, data):
        self.heard.append((event, data))
        self.change.set()

    async def want(self, event, fits=lambda data: True):
        """Take the first event that fits, waiting for it."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while True:
            for i, (e, data) in enumerate(self.heard):
                if e == event and fits(data):
                    del self.heard[i]
                    return data
            self.change.clear()
            try:
                await asyncio.wait_for(self.change.wait(), end - loop.time())
            except asyncio.TimeoutError:
                left = "\n".join(f"{e}: {data}" for e, data in self.heard[-40:])
                raise AssertionError(f"{self.who}: no {event}; the newest that there was:\n{left}") from None


class User(slixmpp.ClientXMPP, Ear):
    """A client of one account. register makes the account on the way."""

    def __init__(self, user, resource="main", password="a long secret", register=False, plugins=()):
        slixmpp.ClientXMPP.__init__(self, f"{user}@{DOMAIN}/{resource}", password)
        Ear.__init__(self, self.requested_jid)
        self.ca_certs = os.environ["CA"]
        for p in [*PLUGINS, *plugins]:
            self.register_plugin(p)
        self["xep_0077"].create_account = register
        self.add_event_handler("register", self.registering)
        for e in EVENTS:
            self.add_event_handler(e, lambda data, e=e: self.hear(e, data))

    async def registering(self, form):
        iq = self.Iq(stype="set")
        iq["register"]["username"] = self.boundjid.user
        iq["register"]["password"] = self.password
        await iq.send(timeout=PATIENCE)
        self.hear("registered", form)

    async def make(self):
        """Make the account on a stream of its own: slixmpp 1.8 does not go on to
        log in after that, and would send no request before it has."""
        self._always_send_everything = True
        self.connect((HOST, int(PORT)))
        await self.want("registered")
        self._always_send_everything = False
        self["xep_0077"].create_account = False
        self.abort()
        await self.want("disconnected")

    async def login(self, presence=True, roster=True):
        if self["xep_0077"].create_account:
            await self.make()
        self.connect((HOST, int(PORT)))
        await self.wait_until("session_start", PATIENCE)
        if roster:
            await self.get_roster(timeout=PATIENCE)
        if presence:
            self.send_presence()
            await self.ping()
        return self

    async def ping(self):
        """A round trip: what the server had sent before has come."""
        await self["xep_0199"].send_ping(slixmpp.JID(DOMAIN), timeout=PATIENCE)

    async def message(self, body):
        return await self.want("message", lambda m: m["body"] == body)

    async def never(self, event, fits=lambda data: True):
        """After a round trip there is no such event."""
        await self.ping()
        got = [data for e, data in self.heard if e == event and fits(data)]
        check(not got, f"{self.boundjid}: unexpected {event}: {got}")

    async def bye(self):
        await self.disconnect()


async def refused(condition, request):
    """The request must be refused with the condition."""
    try:
        answer = await request
    except IqError as e:
        check(e.iq["error"]["condition"] == condition, f"refused with {e.iq['error']}; want {condition}")
        return e.iq
    raise AssertionError(f"not refused: {answer}")


async def friends(a, b):
    """Both see each other's presence."""
    for x, y in (a, b), (b, a):
        x.send_presence_subscription(pto=y.boundjid.bare)
    for x, y in (a, b), (b, a):
        await x.want("presence_subscribed", lambda p: p["from"].bare == y.boundjid.bare)


def main(script):
    async def bounded():
        await asyncio.wait_for(script(), 90)

    try:
        asyncio.run(bounded())
    except BaseException as e:
        print("FAIL", type(e).__name__, e, flush=True)
        raise
    sys.exit(0)
