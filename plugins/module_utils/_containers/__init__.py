# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What operations do to a host's containers, images and folders of ours: stop, start, read logs, see what is left over. Modules enter;
it asks the engine by `_compose.engine` and `_status.containers`."""
