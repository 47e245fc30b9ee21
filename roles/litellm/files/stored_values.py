# Managed by Ansible: role llmfleet.gateway.litellm.
"""Says whether values that LiteLLM has encrypted in its database could be read with the declared salt key.

    python3 - < environment

Standard input is the declared environment of the proxy; the one that runs, where there is one, is a file. The database
is asked only where the two keys differ. Ends with 3 and a sentence where values would be lost, with 4 and one where
that can't be found out.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile

RUNNING = "/run/llmfleet/environment"
MARK, GCM = "litellm_enc::", "v2:gcm:"
LOST, UNKNOWN = 3, 4
#: Nonce and authentication of the shortest ciphertext.
SHORTEST = 40
#: What LiteLLM 1.104.5 re-encrypts with a new key (litellm/proxy/db/master_key_migration.py); True: marked values only.
COLUMNS = [
    ("LiteLLM_ProxyModelTable", "litellm_params", False),
    ("LiteLLM_CredentialsTable", "credential_values", False),
    ("LiteLLM_Config", "param_value", False),
    ("LiteLLM_SSOConfig", "sso_settings", False),
    ("LiteLLM_CacheConfig", "cache_settings", False),
    ("LiteLLM_ConfigOverrides", "config_value", False),
    ("LiteLLM_MCPServerTable", "credentials", False),
    ("LiteLLM_MCPServerTable", "static_headers", False),
    ("LiteLLM_MCPServerTable", "env_vars", False),
    ("LiteLLM_MCPServerTable", "env", False),
    ("LiteLLM_MCPServerOAuthClient", "credentials", False),
    ("LiteLLM_MCPUserCredentials", "credential_b64", False),
    ("LiteLLM_MCPUserEnvVars", "values_b64", False),
    ("LiteLLM_SSOIdentityAssertion", "assertion_b64", False),
    ("LiteLLM_TeamTable", "metadata", True),
    ("LiteLLM_VerificationToken", "metadata", True),
    ("LiteLLM_UserTable", "metadata", True),
    ("LiteLLM_DeletedTeamTable", "metadata", True),
    ("LiteLLM_DeletedVerificationToken", "metadata", True),
]
TABLES = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ANY (current_schemas(false))"
)


def variable(path, name):
    """As the proxy's entry point reads it."""
    script = '. "$1"; eval "printf %s \\"\\${$2-}\\""'
    return subprocess.run(["sh", "-c", script, "sh", path, name], capture_output=True, text=True, check=True).stdout


def texts(value):
    """All texts of a structure, also of one that is written as JSON in a text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for one in value for text in texts(one)]
    if not isinstance(value, str):
        return []
    if value[:1] in ("{", "["):
        try:
            return texts(json.loads(value))
        except ValueError:
            pass
    return [value]


def sealed(text):
    """The ciphertext's scheme and bytes; none for a text that is no ciphertext."""
    text = text[len(MARK) :] if text.startswith(MARK) else text
    scheme, text = ("gcm", text[len(GCM) :]) if text.startswith(GCM) else ("box", text)
    try:
        found = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return (scheme, found) if scheme == "gcm" or len(found) >= SHORTEST else None


def opens(scheme, content, key):
    digest = hashlib.sha256(key.encode()).digest()
    try:
        if scheme == "gcm":
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            AESGCM(digest).decrypt(content[:12], content[12:], None)
        else:
            import nacl.secret

            nacl.secret.SecretBox(digest).decrypt(content)
    except Exception:
        return False
    return True


def judged(values, declared, running):
    """Of (column, text): how many of each column the declared key does not read.

    Without a key that ran before, a text that no key is known to read may be no ciphertext, so one that is read speaks
    for the declared key.
    """
    readable, lost, unknown = 0, {}, {}
    for column, text in values:
        found = sealed(text)
        if found is None:
            continue
        if opens(*found, declared):
            readable += 1
        elif running and opens(*found, running):
            lost[column] = lost.get(column, 0) + 1
        else:
            unknown[column] = unknown.get(column, 0) + 1
    return lost or ({} if readable else unknown)


def refusal(lost, running):
    where = ", ".join(f"{column}: {count}" for column, count in sorted(lost.items()))
    if running:
        return (
            "litellm_salt_key is not the one of the last run, which values in LiteLLM's database are encrypted with"
            f" ({where}). They could never be read again: set litellm_salt_key back to it (it is LITELLM_SALT_KEY in"
            " secrets/mounted/environment in the folder of each LiteLLM instance). Or remove those objects, run"
            " again, and make them anew."
        )
    return (
        f"litellm_salt_key reads nothing of what is encrypted in LiteLLM's database ({where}): set it to the key that"
        " did. A deployment without a salt key has encrypted with its master key."
    )


async def stored(url):
    os.environ["DATABASE_URL"] = url
    from prisma import Prisma

    database, found = Prisma(), []
    await database.connect()
    there = {(row["table_name"], row["column_name"]) for row in await database.query_raw(TABLES)}
    for table, column, marked in COLUMNS:
        if (table, column) in there:
            name = '"' + column + '"'
            only = " AND " + name + "::text LIKE '%" + MARK + "%'" if marked else ""
            rows = await database.query_raw(
                "SELECT " + name + ' FROM "' + table + '" WHERE ' + name + " IS NOT NULL" + only
            )
            found += [(table + "." + column, text) for row in rows for text in texts(row[column])]
    await database.disconnect()
    return found


@contextlib.contextmanager
def engine_unheard():
    """Prisma's engine inherits this output and says its version there, which is no part of the answer."""
    own, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(own, 1)
        os.close(own)


def main():
    running = variable(RUNNING, "LITELLM_SALT_KEY") if os.path.exists(RUNNING) else ""
    with tempfile.NamedTemporaryFile("w") as stream:
        stream.write(sys.stdin.read())
        stream.flush()
        declared, url = (variable(stream.name, name) for name in ("LITELLM_SALT_KEY", "DATABASE_URL"))
    if declared == running:
        return
    try:
        with engine_unheard():
            found = asyncio.run(stored(url))
        lost = judged(found, declared, running)
    except Exception as error:
        # Its text may hold the address with the password.
        print(
            "The database can't be asked whether another litellm_salt_key would lose what is encrypted: "
            + type(error).__name__
        )
        sys.exit(UNKNOWN)
    if lost:
        print(refusal(lost, running))
        sys.exit(LOST)


if __name__ == "__main__":
    main()
