# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives the loopback interface a further IPv4 address, as root, where there may be no `ip`: add_address.py ADDRESS"""

from __future__ import annotations

import fcntl
import socket
import struct
import sys

#: Sets an interface's address (netdevice(7)).
SIOCSIFADDR = 0x8916

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
    address = socket.inet_aton(sys.argv[1])
    fcntl.ioctl(asking, SIOCSIFADDR, struct.pack("16sH2s4s8x", b"lo:1", socket.AF_INET, b"", address))
