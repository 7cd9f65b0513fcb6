"""What scripts share that run the terminal client beside stock clients. The environment
also says where it is: CXX (its file), NAS, and DIR, where it keeps its state."""

import atexit
import json
import signal

from kit import *


DIR = os.environ["DIR"]
PASSWORD = os.path.join(DIR, f"password-{os.getpid()}")
with open(os.open(PASSWORD, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
    f.write("a long secret\n")


def command(user, *args):
    """The arguments by which the terminal client runs for a user."""
    return (os.environ["CXX"], *args, "--json", "--nas", os.environ["NAS"], "--ca", os.environ["CA"], "--as", f"{user}@{DOMAIN}",
            "--password-file", PASSWORD, "--state", os.path.join(DIR, "state-" + user))


async def cxx(user, *args, code=0):
    """Run the terminal client, which must end with the code, and return what it has
    printed, one object per line."""
    p = await asyncio.create_subprocess_exec(*command(user, *args), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await asyncio.wait_for(p.communicate(), 60)
    check(p.returncode == code, f"cxx {args}: {p.returncode}: {err.decode()}")
    return [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]


class Listener(Ear):
    """A terminal client that listens: the events are the types of its lines."""

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(*command(self.who, "listen"), stdout=asyncio.subprocess.PIPE)
        atexit.register(self.kill)
        self.reading = asyncio.create_task(self.read())
        await self.want("groups_ready")
        return self

    async def read(self):
        async for line in self.process.stdout:
            said = json.loads(line)
            self.hear(said["type"], said)

    def kill(self):
        """It does not outlive a script that fails."""
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)

    async def stop(self):
        self.process.terminate()
        await self.process.wait()
        await self.reading
