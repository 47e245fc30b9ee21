# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the GPUs away from a running container, as systemd does on a daemon-reload with Docker's systemd cgroup driver.

There systemd replaces the cgroup's device rules by its own, which don't know the GPUs. Here one more program is
attached to the cgroup that denies NVIDIA's devices; the kernel asks all of them, so the effect is the same.
As root, with cgroup v2 and the engine's own cgroups: python3 tests/gpu/lose_gpu.py CONTAINER [--major 195]
"""

from __future__ import annotations

import argparse
import ctypes
import os
import struct
import subprocess
from pathlib import Path

NR_BPF = {"x86_64": 321, "aarch64": 280}
PROG_LOAD, PROG_ATTACH = 5, 8
CGROUP_DEVICE_PROGRAM, CGROUP_DEVICE_HOOK, ALLOW_MULTI = 15, 6, 2
NVIDIA_MAJOR = 195


def bpf(command: int, attributes: bytes) -> int:
    """The system call bpf(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(NR_BPF[os.uname().machine], command, buffer, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return int(result)


def instruction(code: int, registers: int = 0, offset: int = 0, value: int = 0) -> bytes:
    """One instruction of eBPF (linux/bpf.h, struct bpf_insn)."""
    return struct.pack("<BBhi", code, registers, offset, value)


def denying_program(major: int) -> int:
    """File descriptor of a program that denies every device of a major number."""
    code = b"".join(
        (
            instruction(0x61, 0x12, 4),  # r2 = context->major (struct bpf_cgroup_dev_ctx: access_type, major, minor)
            instruction(0xB7, 0x00, 0, 0),  # r0 = 0, denied
            instruction(0x15, 0x02, 1, major),  # if r2 == major: skip one
            instruction(0xB7, 0x00, 0, 1),  # r0 = 1, allowed
            instruction(0x95),  # return
        )
    )
    instructions, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "<IIQQ", CGROUP_DEVICE_PROGRAM, len(code) // 8, ctypes.addressof(instructions), ctypes.addressof(licence)
    )
    return bpf(PROG_LOAD, attributes + bytes(48))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("container")
    parser.add_argument("--major", type=int, default=NVIDIA_MAJOR)
    options = parser.parse_args()
    argv = ["docker", "inspect", "--format", "{{.State.Pid}}", options.container]
    pid = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
    cgroup = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").strip().rpartition("::")[2]
    folder = os.open(f"/sys/fs/cgroup{cgroup}", os.O_RDONLY)
    program = denying_program(options.major)
    bpf(PROG_ATTACH, struct.pack("<IIII", folder, program, CGROUP_DEVICE_HOOK, ALLOW_MULTI))
    print(f"devices {options.major}:* are denied to {options.container} (cgroup {cgroup})")


if __name__ == "__main__":
    main()
