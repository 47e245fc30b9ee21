# Managed by Ansible: role llmfleet.gateway.litellm.
"""Asks the proxy how it is: `liveliness` once, `readiness` (the database is connected) for up to 60 seconds.

`readiness` may be followed by addresses of vLLM servers, which then are asked whether they take the proxy's key: after
a rotation that failed half way the proxy is healthy and every request refused. A server that is away is no fault of the
key, so it is passed over.
"""

import concurrent.futures
import subprocess
import sys
import time
import urllib.error
import urllib.request

ENVIRONMENT = "/run/llmfleet/environment"
OWN = "http://127.0.0.1:4000/health/"
# Without a proxy, whatever the environment says: all of this is the fleet's own network.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def wait_for(question, seconds):
    deadline = time.monotonic() + seconds
    while True:
        try:
            OPENER.open(OWN + question, timeout=5).close()
            return
        except OSError as error:
            if time.monotonic() >= deadline:
                sys.exit("/health/" + question + ": " + str(error))
        time.sleep(1)


def proxys_key():
    """As the proxy reads it."""
    script = '. "$1"; printf %s "$VLLM_API_KEY"'
    return subprocess.run(["sh", "-c", script, "sh", ENVIRONMENT], capture_output=True, text=True, check=True).stdout


def refuses(address, key):
    request = urllib.request.Request(address + "/models", headers={"Authorization": "Bearer " + key})
    try:
        OPENER.open(request, timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code in (401, 403)
    except (OSError, ValueError):
        pass
    return False


def main(arguments):
    wait_for(arguments[0], 60 if arguments[0] == "readiness" else 0)
    addresses = arguments[1:]
    if not addresses:
        return
    key = proxys_key()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        refused = [address for address, no in zip(addresses, pool.map(lambda one: refuses(one, key), addresses)) if no]
    if refused:
        sys.exit("vLLM does not take the key that LiteLLM has (vllm_api_key) at " + ", ".join(refused))


if __name__ == "__main__":
    main(sys.argv[1:])
