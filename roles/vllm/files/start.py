# Managed by Ansible: role llmfleet.gateway.vllm.
"""Starts vLLM when it is this instance's turn on its GPUs, and passes signals on to it.

An instance measures the free memory of its GPUs while it starts, so those that share one must not start at once, unless
the size of each one's KV cache is given.
Docker starts all containers together after a reboot, so the order is kept here: one lock a GPU (flock on a directory
that all instances of the host see, so a lock ends with its holder), held from before the start until /health answers.
A watcher beside it lets go of it.
A stop that comes before vLLM serves ends it at once: by itself it goes on loading for as long as requests may take.

Every wait has a limit: a neighbour that hangs delays this instance and never keeps it away.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import typing
import urllib.request

LOCKS = "/run/llmfleet/locks"
SECRETS = "/run/llmfleet/secrets/environment.json"
#: Of the secrets no variable of vLLM: the key that is taken too while the key is changed.
PREVIOUS_KEY = "VLLM_PREVIOUS_API_KEY"
#: A tmpfs of the container.
KEPT_IN_MEMORY = "/tmp"
POLL_SECONDS = 1.0


def say(text):
    print("llmfleet: " + text, file=sys.stderr, flush=True)


class Lock:
    """A lock on a directory. Where that is missing there is nothing to share: whoever asks has it."""

    def __init__(self, name):
        self.name = name
        self.descriptor = None
        with contextlib.suppress(OSError):
            # Closed before vLLM starts; the watcher, which is a fork, keeps it.
            self.descriptor = os.open(os.path.join(LOCKS, name), os.O_RDONLY | os.O_DIRECTORY)

    def take(self):
        """Whether it is this process's now."""
        if self.descriptor is None:
            return True
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def held_elsewhere(self):
        if self.descriptor is None:
            return False
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        self.release()
        return False

    def release(self):
        if self.descriptor is not None:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def close(self):
        """Leaves the lock to the forks that have it."""
        if self.descriptor is not None:
            os.close(self.descriptor)


class Turn(typing.NamedTuple):
    """What an instance waits for, as the compose file says it."""

    name: str
    gpus: list  # their numbers
    start_after: list  # names of instances on the same GPUs that come first
    locked_gpus: list  # those of them on which somebody measures the free memory at its start
    health_url: str
    limit: float  # seconds that all the waiting may take
    patience: float  # seconds that an instance which comes first has to begin
    address: str = ""  # of this host, where the nodes of a replica on several servers meet
    rank: int = 0  # among those nodes
    nodes: tuple = ()  # all of them, each with server and address
    unit_port: int = 0  # of the head, to which the others hold on
    ray: str = ""  # where the head's Ray listens, if Ray brings them together


def wait_for_others(turn, gpus, end):
    """Until those that come first serve, or nobody has been starting for a while: they may be gone for good."""
    first = {name: Lock("ready-" + name) for name in turn.start_after}
    quiet_since = time.monotonic()
    while first:
        now = time.monotonic()
        first = {name: lock for name, lock in first.items() if not lock.held_elsewhere()}
        if any(lock.held_elsewhere() for lock in gpus):
            quiet_since = now
        if not first or now >= end:
            break
        if now - quiet_since >= turn.patience:
            say("not waiting for " + ", ".join(first) + ": nothing is starting on these GPUs")
            break
        time.sleep(POLL_SECONDS)


def take_gpus(gpus, end):
    """In the order of their numbers, so that two instances never wait for each other."""
    for lock in gpus:
        said = False
        while not lock.take():
            if time.monotonic() >= end:
                say("starting without the lock " + lock.name + ": it has been held for too long")
                break
            if not said:
                say("waiting until the instance that starts on " + lock.name + " is up")
                said = True
            time.sleep(POLL_SECONDS)


def healthy(url):
    """Without a proxy, whatever the environment says: the server is this container."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5).close()
    except (OSError, ValueError):
        return False
    return True


def alive(pid):
    """One that has ended and that nobody has asked for yet is none."""
    try:
        with open("/proc/" + str(pid) + "/stat", encoding="utf-8", errors="replace") as handle:
            return handle.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def watch(turn, gpus, server):
    """Lets go of the GPUs when the server answers, and shows that it is up for as long as it lives."""
    while not healthy(turn.health_url):
        if not alive(server):
            return
        time.sleep(POLL_SECONDS)
    ready = Lock("ready-" + turn.name)
    while not ready.take() and alive(server):
        time.sleep(POLL_SECONDS)
    for lock in gpus:
        lock.release()
    while alive(server):
        time.sleep(POLL_SECONDS)


def leave(work, *arguments):
    """To a grandchild, so that it is not among the server's own children."""
    server = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork() == 0:
        try:
            work(*arguments, server)
        finally:
            os._exit(0)
    os._exit(0)


def secret_environment():
    """From a file that only this user can read: docker inspect and the process list show none of it."""
    with open(SECRETS, encoding="utf-8") as handle:
        return {name: str(value) for name, value in json.load(handle).items()}


def with_keys(command, keys):
    """vLLM takes one key from its environment and several from its --config alone: a copy of that with the keys in it,
    which only this user can read and which is in memory (/tmp), so that no argument shows one."""
    place = command.index("--config") + 1
    with open(command[place], encoding="utf-8") as handle:
        options = handle.read()
    descriptor, path = tempfile.mkstemp(suffix=".yaml", dir=KEPT_IN_MEMORY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        # JSON is YAML too, and the options are a mapping.
        handle.write(options.rstrip() + "\napi-key: " + json.dumps(keys) + "\n")
    return [*command[:place], path, *command[place + 1 :]]


class Server:
    """vLLM as a child. What has not served yet has no request to finish, nor has what lost a node of its replica."""

    def __init__(self, turn):
        self.url = turn.health_url
        self.served = False
        self.process = None

    def run(self, command):
        """Until it ends; its exit status as a shell says it."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        self.process = subprocess.Popen(command)
        while self.process.poll() is None and not self.served:
            self.served = healthy(self.url)
            time.sleep(POLL_SECONDS)
        status = self.process.wait()
        return status if status >= 0 else 128 - status

    def stop(self, number, _frame):
        if self.process is None:
            os._exit(128 + number)
        if self.served or healthy(self.url):
            self.process.send_signal(number)
            return
        say("stopped before it served")
        self.leave(128 + number)

    def leave(self, status):
        if self.process:
            self.process.kill()
        # Its other processes end with the container.
        os._exit(status)


def wait_for_turn(turn):
    gpus = [
        lock for lock in (Lock("gpu-" + str(gpu)) for gpu in sorted(turn.locked_gpus)) if lock.descriptor is not None
    ]
    if not gpus:
        return
    end = time.monotonic() + turn.limit
    wait_for_others(turn, gpus, end)
    take_gpus(gpus, end)
    leave(watch, turn, gpus)
    for lock in gpus:
        lock.close()


def main(arguments):
    with open(arguments[0], encoding="utf-8") as handle:
        turn = Turn(**json.load(handle))
    command = arguments[1:]
    server, secrets = Server(turn), secret_environment()
    if turn.nodes:
        # Its file is there where a replica has several nodes.
        import nodes

        # Before any GPU is taken: a node that does not come keeps no neighbour away.
        command = nodes.as_one(turn, secrets["VLLM_API_KEY"], command, server.leave)
    wait_for_turn(turn)
    previous = secrets.pop(PREVIOUS_KEY, "")
    if previous and "--config" in command:
        command = with_keys(command, [secrets["VLLM_API_KEY"], previous])
    os.environ.update(secrets)
    return server.run(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
