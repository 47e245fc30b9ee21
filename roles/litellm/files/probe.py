# Managed by Ansible: role llmfleet.gateway.litellm.
"""Asks the proxy how it is: `liveliness` once, `readiness` (the database is connected) for up to 60 seconds."""

import sys
import time
import urllib.request

question = sys.argv[1]
# Without a proxy, whatever the environment says: the server is this container.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
deadline = time.monotonic() + (60 if question == "readiness" else 0)
while True:
    try:
        opener.open("http://127.0.0.1:4000/health/" + question, timeout=5)
        break
    except OSError as error:
        if time.monotonic() >= deadline:
            sys.exit("/health/" + question + ": " + str(error))
    time.sleep(1)
