# Managed by Ansible: role llmfleet.gateway.vllm.
"""The nodes of a replica on several servers, as one unit: they start together and end together.

The head waits until all others have come, and names who is missing. Each keeps its connection to the head for as long
as it lives. So when one ends, whatever ends it, the others see it at once (a machine that is gone, after 20 s), and end
too: Docker starts all of them anew. vLLM looks at the processes of its own node only; what is left of a replica hangs.
"""

import array
import contextlib
import fcntl
import hashlib
import hmac
import importlib.util
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time

POLL_SECONDS = 1.0
#: How often those who are missing are named.
NAMING_SECONDS = 30.0
GREETING_SECONDS = 5.0
#: Of a peer that says nothing any more, not even that it is gone: 5 s, then three questions.
KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
START = b"start\n"
LONGEST_GREETING = 200
RAY_STORE_BYTES = 1 << 30
#: Asks for all IPv4 addresses, each with its interface (netdevice(7)); the bytes of an answer (struct ifreq).
SIOCGIFCONF = 0x8912
ENTRY, NAME, IPV4 = 40, 16, 20
ADDRESSES = 1024


def say(text):
    print("llmfleet: " + text, file=sys.stderr, flush=True)


def digest(purpose, key):
    """Made from the key of the API, which all nodes have and nobody else."""
    return hashlib.sha256((purpose + ":" + key).encode()).hexdigest()


def named(turn, ranks):
    nodes = [(rank, turn.nodes[rank]) for rank in ranks]
    return " and ".join(f"node {rank} ({one['server']}, {one['address']})" for rank, one in nodes)


# ---- the network


def interface(address):
    """The network interface that has an address; none where it can't be told."""
    # All IPv4 addresses, further ones of an interface too, which may have a label (eth0:1).
    room = array.array("B", bytes(ENTRY * ADDRESSES))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        answer = fcntl.ioctl(asked, SIOCGIFCONF, struct.pack("iL", len(room), room.buffer_info()[0]))
    for entry in range(0, struct.unpack("iL", answer)[0], ENTRY):
        name, _end, _rest = room[entry : entry + NAME].tobytes().partition(b"\0")
        if socket.inet_ntoa(room[entry + IPV4 : entry + IPV4 + 4].tobytes()) == address:
            return name.decode().partition(":")[0]
    with contextlib.suppress(OSError, ValueError), open("/proc/net/if_inet6", encoding="ascii") as table:
        wanted = socket.inet_pton(socket.AF_INET6, address).hex()
        return next((line.split()[-1] for line in table if line.startswith(wanted)), "")
    return ""


def choose_interface(turn):
    """That of the private address, unless the environment names another."""
    name = interface(turn.address)
    say(f"node {turn.rank} meets the others at {turn.address} ({name or 'no interface of it'})")
    for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME") if name else ():
        os.environ.setdefault(variable, name)


# ---- all come before one begins


def as_one(turn, key, command, leave):
    """When all are there: what to run. From then on the end of one of them is this one's too, by leave(status)."""
    end = time.monotonic() + turn.limit
    choose_interface(turn)
    token = digest("llmfleet-nodes", key)
    # The head holds on to all others, each of those to the head.
    peers = gathered(turn, token, end) if turn.rank == 0 else {0: joined(turn, token, end)}
    threading.Thread(target=until_one_is_gone, args=(turn, peers, leave), daemon=True).start()
    return (ray_started(turn, key, end) if turn.ray else []) or command


class Missing:
    """Names who has not come, now and then and at last."""

    def __init__(self, turn, end):
        self.turn, self.end, self.next = turn, end, time.monotonic() + NAMING_SECONDS

    def wait(self, ranks):
        now = time.monotonic()
        if now >= self.end:
            say(named(self.turn, ranks) + " did not come: ending, to try again")
            sys.exit(1)
        if now >= self.next:
            say("waiting for " + named(self.turn, ranks))
            self.next = now + NAMING_SECONDS


def gathered(turn, token, end):
    family = socket.AF_INET6 if ":" in turn.address else socket.AF_INET
    missing, here = Missing(turn, end), {}
    with socket.create_server((turn.address, turn.unit_port), family=family) as door:
        door.settimeout(POLL_SECONDS)
        while True:
            with contextlib.suppress(OSError):
                peer, _address = door.accept()
                rank = greeted(turn, token, peer)
                here[rank] = peer
            here.pop(None, None)
            here = {rank: peer for rank, peer in here.items() if not gone(peer)}
            absent = [rank for rank in range(1, len(turn.nodes)) if rank not in here]
            if not absent:
                break
            missing.wait(absent)
    for peer in here.values():
        # One that went in this moment is found gone right after.
        with contextlib.suppress(OSError):
            peer.sendall(START)
    return here


def greeted(turn, token, peer):
    """The rank of who came; none of a stranger, who is sent away."""
    peer.settimeout(GREETING_SECONDS)
    with contextlib.suppress(OSError, ValueError):
        # So short a text comes in one piece (else it is sent again), and nobody keeps the door busy byte by byte.
        words = peer.recv(LONGEST_GREETING).split()
        if len(words) == 2 and hmac.compare_digest(words[0], token.encode()):
            rank = int(words[1])
            if 0 < rank < len(turn.nodes):
                lasting(peer)
                return rank
    peer.close()
    return None


def joined(turn, token, end):
    missing = Missing(turn, end)
    while True:
        with contextlib.suppress(OSError):
            head = socket.create_connection((turn.nodes[0]["address"], turn.unit_port), timeout=GREETING_SECONDS)
            head.sendall(f"{token} {turn.rank}\n".encode())
            lasting(head)
            if told(head, turn, missing):
                return head
            head.close()
        missing.wait([0])
        time.sleep(POLL_SECONDS)


def told(head, turn, missing):
    """Whether the head says that all are there; it goes if somebody else does not come."""
    while not select.select([head], [], [], POLL_SECONDS)[0]:
        missing.wait([rank for rank in range(len(turn.nodes)) if rank not in (0, turn.rank)] or [0])
    return head.recv(len(START)) == START


def lasting(peer):
    """Without a limit of time, and asked whether it is still there."""
    peer.settimeout(None)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        peer.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def gone(peer):
    """Nobody says anything after the greeting, so what can be read is the end."""
    return bool(select.select([peer], [], [], 0)[0])


def until_one_is_gone(turn, peers, leave):
    ranks = {peer: rank for rank, peer in peers.items()}
    lost, _writable, _failed = select.select(list(ranks), [], [])
    say(named(turn, sorted(ranks[peer] for peer in lost)) + " is gone: ending, to start again together")
    leave(1)


# ---- Ray


def ray_started(turn, key, end):
    """The head's Ray runs beside vLLM; of another node it is all that runs, as the command that is returned.

    Who joins has to show a token: else everybody who reaches the port could run programs.
    """
    token = digest("llmfleet-ray", key)
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=token, RAY_ADDRESS=turn.ray, RAY_USAGE_STATS_ENABLED="0")
    # vLLM's workers take GPUs and no CPU, and what it keeps in Ray's store is small.
    shape = ["--node-ip-address", turn.address, "--num-gpus", str(len(turn.gpus)), "--num-cpus", "1"]
    shape += ["--object-store-memory", str(RAY_STORE_BYTES), "--disable-usage-stats"]
    # Any free ports: Ray's own range has that at which nodes meet in it, and two replicas may be on one server.
    shape += ["--min-worker-port", "0", "--max-worker-port", "0", "--dashboard-agent-listen-port", "0"]
    host, port = turn.ray.rsplit(":", 1)
    if turn.rank:
        while not listens(host.strip("[]"), int(port)) and time.monotonic() < end:
            time.sleep(POLL_SECONDS)
        return ["ray", "start", "--address", turn.ray, *shape, "--block"]
    if importlib.util.find_spec("grpc"):
        # Ray's client, which nobody uses, then has a server.
        shape += ["--ray-client-server-port", str(free_port())]
    shape += ["--include-dashboard", "false"]
    subprocess.run(["ray", "start", "--head", "--port", port, *shape], check=True)
    return []


def free_port():
    with socket.socket() as one:
        one.bind(("", 0))
        return one.getsockname()[1]


def listens(host, port):
    try:
        socket.create_connection((host, port), timeout=GREETING_SECONDS).close()
    except OSError:
        return False
    return True
