# Managed by Ansible: role llmfleet.gateway.vllm.
"""Tries the network between the nodes of a replica, from the image that they run: all meet, and sum up numbers.

Each node runs it with the same nodes and its own rank. It prints one line of JSON: the interface and the bandwidth, or
what is wrong and which node is silent. Everything has a limit; where a library hangs, the limit ends it.
"""

import array
import datetime
import fcntl
import json
import os
import socket
import struct
import sys
import threading
import time

#: Asks for all IPv4 addresses, each with its interface (netdevice(7)); the bytes of an answer (struct ifreq).
SIOCGIFCONF = 0x8912
ENTRY, NAME, IPV4 = 40, 16, 20
ADDRESSES = 1024
ROUNDS = 5
MEBIBYTE = 1024 * 1024


class Failed(Exception):
    """What is wrong, in words for people."""


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
    try:
        wanted = socket.inet_pton(socket.AF_INET6, address).hex()
        with open("/proc/net/if_inet6", encoding="ascii") as table:
            return next((line.split()[-1] for line in table if line.startswith(wanted)), "")
    except (OSError, ValueError):
        return ""


def named(said, rank):
    node = said["nodes"][rank]
    return "node " + str(rank) + " (" + node["server"] + ", " + node["address"] + ")"


def chosen(said):
    """The interface of this node; all that talk are told to use it."""
    found = os.environ.get("NCCL_SOCKET_IFNAME") or interface(said["nodes"][said["rank"]]["address"])
    if not found:
        raise Failed(
            named(said, said["rank"]) + " has no interface with that address; see llm_private_address of the host"
        )
    for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        os.environ.setdefault(variable, found)
    return found


def silent(said, store, stage):
    """Nodes that have not come to a stage."""
    return [rank for rank in range(len(said["nodes"])) if not store.check([stage + str(rank)])]


def meet(said, distributed):
    """Every node tells the first one that it is there, and waits for all others."""
    head, rank = said["nodes"][0], said["rank"]
    limit = datetime.timedelta(seconds=said["limit"])
    end = time.monotonic() + said["limit"]
    try:
        store = distributed.TCPStore(
            head["address"], said["port"], len(said["nodes"]), rank == 0, limit, wait_for_workers=False
        )
        store.set("here" + str(rank), "1")
    except Exception as error:
        where = named(said, 0) + " at port " + str(said["port"])
        raise Failed(named(said, rank) + " does not reach " + where + ": " + str(error).splitlines()[0]) from error
    while silent(said, store, "here"):
        if time.monotonic() >= end:
            missing = " and ".join(named(said, one) for one in silent(said, store, "here"))
            raise Failed(
                missing + " is silent: nothing came in " + str(said["limit"]) + " s to port " + str(said["port"])
            )
        time.sleep(0.2)
    return store


def reduced(said, distributed, torch, store):
    """Seconds of one sum over all nodes, after a first one that makes the connections."""
    device = "cuda:0" if said["backend"] == "nccl" else "cpu"
    world = len(said["nodes"])
    limit = datetime.timedelta(seconds=said["limit"])
    distributed.init_process_group(said["backend"], store=store, rank=said["rank"], world_size=world, timeout=limit)
    numbers = torch.empty(said["mebibytes"] * MEBIBYTE // 4, dtype=torch.float32, device=device)
    spent = 0.0
    for turn in range(ROUNDS + 1):
        numbers.fill_(said["rank"] + 1)
        begin = time.monotonic()
        distributed.all_reduce(numbers)
        least, most = numbers.min().item(), numbers.max().item()
        spent += time.monotonic() - begin if turn else 0.0
        if least != most or most != world * (world + 1) / 2:
            raise Failed("the sum over all nodes came out wrong: " + str(least) + " to " + str(most))
    store.set("done" + str(said["rank"]), "1")
    while silent(said, store, "done"):
        # The first node keeps the store, so it is the last to leave.
        time.sleep(0.2)
    return spent / ROUNDS


def check(said, answer):
    import torch
    from torch import distributed

    answer["interface"] = chosen(said)
    answer["store"] = store = meet(said, distributed)
    seconds = reduced(said, distributed, torch, store)
    nodes = len(said["nodes"])
    # What goes over each node's link, as nccl-tests reckons it.
    moved = said["mebibytes"] * MEBIBYTE * 2 * (nodes - 1) / nodes
    answer.update(seconds=round(seconds, 4), gbit_per_second=round(moved * 8 / seconds / 1e9, 2))


def attempt(said, answer):
    try:
        check(said, answer)
    except Failed as error:
        answer["error"] = str(error)
    except Exception as error:
        answer["error"] = named(said, said["rank"]) + ": " + type(error).__name__ + ": " + str(error).splitlines()[0]


def stuck(said, answer):
    """Who has not finished, when the time is up in the middle of it."""
    try:
        missing = [named(said, one) for one in silent(said, answer["store"], "done") if one != said["rank"]]
    except Exception:
        missing = []
    who = " and ".join(missing) or "another node"
    return (
        "the nodes met, and then nothing came from " + who + ": open all ports between them on " + answer["interface"]
    )


def main(arguments):
    said = json.loads(arguments[0])
    answer = {"server": said["nodes"][said["rank"]]["server"], "rank": said["rank"], "backend": said["backend"]}
    work = threading.Thread(target=attempt, args=(said, answer), daemon=True)
    work.start()
    work.join(2 * said["limit"])
    if work.is_alive():
        answer["error"] = stuck(said, answer) if "store" in answer else "nothing happened in time"
    elif said["rank"] == 0:
        time.sleep(1)  # the others read the last of it from this one
    print(json.dumps({key: value for key, value in answer.items() if key != "store"}), flush=True)
    os._exit(1 if "error" in answer else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
