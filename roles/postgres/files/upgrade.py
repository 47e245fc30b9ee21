# Managed by Ansible: role llmfleet.gateway.postgres.
"""Moves the database to another major release beside the one that serves: look, copy, switch or back, on its host.

    python3 - STEP < settings.json

Python 3.9, standard library. The settings hold the password, so they are standard input. Prints JSON; ends with 3 and a
sentence where the step can't be done. The folder of the old cluster is never written to.
"""

import ctypes
import glob
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

OLD, NEW = "llmfleet-postgres", "llmfleet-postgres-upgrade"
INSIDE = "/var/lib/postgresql/data"
EXCHANGE, HERE = 2, -100
DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY 1"
#: Of each table its rows, as text that can be compared.
COUNTS = """SELECT json_object_agg(name, rows) FROM (
  SELECT n.nspname || '.' || c.relname AS name, (xpath('/row/c/text()', query_to_xml(
    format('SELECT count(*) AS c FROM %I.%I', n.nspname, c.relname), false, true, '')))[1]::text AS rows
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg_toast%'
) counted"""


class Impossible(Exception):
    """The step can't be done; the message says why, and holds no secret."""


def last_words(text):
    """Of an error, without the lines in which PostgreSQL may show a row or a statement with its values."""
    showing = ("DETAIL", "CONTEXT", "LINE ", "STATEMENT", "QUERY")
    lines = [line for line in text.strip().splitlines() if not line.startswith(showing)]
    return " ".join(lines[-3:])


def run(arguments, told=None, seconds=7200):
    done = subprocess.run(arguments, input=told, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise Impossible(" ".join(arguments[:5]) + ": " + last_words(done.stderr or done.stdout))
    return done.stdout


def inside(container, *command, told=None):
    return run(["docker", "exec", "--interactive", container, *command], told)


def sql(container, database, text):
    words = ["psql", "--username", "postgres", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
    return inside(container, *words, "--set", "ON_ERROR_STOP=1", "--dbname", database, "--file", "-", told=text).strip()


def databases(container):
    return sql(container, "postgres", DATABASES).split()


def counts(container):
    return {name: json.loads(sql(container, name, COUNTS) or "null") or {} for name in databases(container)}


def release(folder):
    """Of the cluster in a folder; empty where there is none."""
    try:
        with open(os.path.join(folder, "pgdata", "PG_VERSION"), encoding="ascii") as stream:
            return stream.read().strip()
    except OSError:
        return ""


# ---- look


def look(said):
    """What is there, and whether it can be moved."""
    folder, major = said["folder"], said["major"]
    found = release(os.path.join(folder, "data"))
    if not found:
        raise Impossible("There is no database in " + folder + "/data: site.yml makes one of the declared release")
    if found == major:
        return {"found": found, "same": True, "mib": 0}
    if int(found) > int(major):
        raise Impossible(
            "The database is of PostgreSQL "
            + found
            + ", and postgres_version is of "
            + major
            + ": there is no way to an"
            " earlier release"
        )
    size = int(sql(OLD, "postgres", "SELECT sum(pg_database_size(oid)) FROM pg_database"))
    free = shutil.disk_usage(folder).free
    if free < 2 * size:
        raise Impossible(
            "The database takes "
            + str(size >> 20)
            + " MiB, and "
            + folder
            + " has "
            + str(free >> 20)
            + " MiB free. The"
            " new one is made beside it: make room for twice its size"
        )
    return {"found": found, "same": False, "mib": size >> 20}


# ---- copy


def copy(said):
    """A new cluster with everything that is in the old one, proved; the old one goes on serving."""
    began, target = time.monotonic(), os.path.join(said["folder"], "upgrade")
    remove_new(target)
    try:
        start_new(said, target)
        load = ["psql", "--username", "postgres", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "-"]
        inside(NEW, *load, told=roles())
        for name in databases(OLD):
            restore(name)
        inside(NEW, "vacuumdb", "--username", "postgres", "--all", "--analyze-only", "--quiet")
        found = proved(said)
        log_in(said)
        run(["docker", "stop", "--time", "120", NEW])
    except BaseException:
        remove_new(target)
        raise
    run(["docker", "rm", "--volumes", NEW])
    return {**found, "seconds": round(time.monotonic() - began, 1)}


def remove_new(target):
    subprocess.run(["docker", "rm", "--force", "--volumes", NEW], capture_output=True, check=False)
    shutil.rmtree(target, ignore_errors=True)


def start_new(said, target):
    """As the role runs it; nobody knows of it."""
    owner = (int(said["uid"]), int(said["gid"]))
    for name in ("", "data", "secrets"):
        os.makedirs(os.path.join(target, name), mode=0o700)
    for name in ("data", "secrets"):
        os.chown(os.path.join(target, name), *owner)
    path = os.path.join(target, "secrets", "password")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(24))
    os.chown(path, *owner)
    user, sockets = "{}:{}".format(*owner), "/var/run/postgresql:uid={},gid={},mode=0755".format(*owner)
    run(
        [
            *("docker", "run", "--detach", "--name", NEW, "--network", said["network"], "--user", user, "--read-only"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp", "--tmpfs", sockets),
            *("--shm-size", said["shm_size"], "--volume", target + "/data:" + INSIDE),
            *("--volume", target + "/secrets:/run/llmfleet:ro", "--env", "PGDATA=" + INSIDE + "/pgdata"),
            *("--env", "POSTGRES_PASSWORD_FILE=/run/llmfleet/password"),
            *("--env", "POSTGRES_INITDB_ARGS=--data-checksums"),
            *(said["image"], "postgres", "-c", "password_encryption=scram-sha-256", "-c", "listen_addresses=*"),
        ]
    )
    wait_for_new()


def wait_for_new(seconds=300):
    """Not by the socket: while the cluster is made, a server listens there that nobody else may use."""
    deadline = time.monotonic() + seconds
    ready = ["docker", "exec", NEW, "pg_isready", "--quiet", "--username", "postgres", "--host", "127.0.0.1"]
    while subprocess.run(ready, capture_output=True, check=False).returncode:
        running = run(["docker", "inspect", "--format", "{{.State.Running}}", NEW]).strip() == "true"
        if not running or time.monotonic() > deadline:
            log = subprocess.run(["docker", "logs", "--tail", "3", NEW], capture_output=True, text=True, check=False)
            raise Impossible("The new release does not start: " + (log.stdout + log.stderr).strip())
        time.sleep(1)


def roles():
    """From pipe to pipe, since it holds verifiers."""
    return others_roles(inside(OLD, "pg_dumpall", "--username", "postgres", "--globals-only"))


def others_roles(text):
    """All but the superuser, whom every cluster has."""
    own = ("CREATE ROLE postgres;", "ALTER ROLE postgres ", "\\")
    return "".join(line + "\n" for line in text.splitlines() if not line.startswith(own))


def restore(name):
    """Nothing of it is on the disk in between. Only who loads reads the pipe, so that its end ends the dump too."""
    dump = ["docker", "exec", OLD, "pg_dump", "--username", "postgres", "--format", "custom", "--compress", "0"]
    load = ["docker", "exec", "--interactive", NEW, "pg_restore", "--username", "postgres", "--exit-on-error"]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as words:
        with subprocess.Popen([*dump, "--create", name], stdout=subprocess.PIPE, stderr=said) as source:
            target = subprocess.Popen(
                [*load, "--create", "--dbname", "postgres"],
                stdin=source.stdout,
                stdout=subprocess.DEVNULL,
                stderr=words,
            )
            source.stdout.close()
            target.wait()
        if source.returncode or target.returncode:
            raise Impossible("Database " + name + " can't be copied: " + last_words(all_of(said) + all_of(words)))


def all_of(stream):
    stream.seek(0)
    return stream.read().decode(errors="replace")


def proved(said):
    """All tables are there, with all rows where nobody writes any more."""
    copied, there = counts(NEW), counts(OLD)
    faults = differences(there, copied, said["exact"])
    if faults:
        raise Impossible("The copy differs: " + "; ".join(faults[:5]))
    tables = [rows for one in copied.values() for rows in one.values()]
    return {"tables": len(tables), "rows": sum(int(rows) for rows in tables)}


def differences(there, copied, exact):
    faults = ["database " + name + " is missing" for name in sorted(there) if name not in copied]
    for name in sorted(set(there) & set(copied)):
        for table, rows in sorted(there[name].items()):
            found = copied[name].get(table)
            if found is None or (exact and found != rows):
                faults.append(name + "." + table + " has " + rows + " rows, the copy " + (found or "no such table"))
    return faults


def log_in(said):
    """As LiteLLM does, by the network with the password: the image trusts whoever comes by the loopback address."""
    script = 'read -r PGPASSWORD; export PGPASSWORD; exec psql -h "$(hostname -i)" -U "$1" -d "$2" --no-psqlrc -c ""'
    try:
        inside(NEW, "sh", "-c", script, "sh", said["user"], said["database"], told=said["password"] + "\n")
    except Impossible:
        raise Impossible(
            "Role " + said["user"] + " can't log into the copy with postgres_password: run site.yml first, with"
            " postgres_version as it was"
        ) from None


# ---- switch and back


def switch(said):
    """The new cluster takes the old one's place, in one step, and the old one stands beside it."""
    folder, fresh = said["folder"], os.path.join(said["folder"], "upgrade", "data")
    kept = os.path.join(folder, "data-" + said["found"] + "-" + time.strftime("%Y%m%dT%H%M%S", time.gmtime()))
    run(["docker", "stop", "--time", "120", OLD])
    exchange(os.path.join(folder, "data"), fresh)
    os.rename(fresh, kept)
    shutil.rmtree(os.path.join(folder, "upgrade"), ignore_errors=True)
    return {"kept": kept}


def exchange(one, other):
    """At no moment is there none: a run that finds none would make an empty database."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(HERE, one.encode(), HERE, other.encode(), EXCHANGE):
        raise Impossible("The folders can't change places: " + os.strerror(ctypes.get_errno()))


def back(said):
    """The old cluster is in its place again, whatever came of the new one, which is removed."""
    folder = said["folder"]
    subprocess.run(["docker", "stop", "--time", "120", OLD], capture_output=True, check=False)
    places = [*sorted(glob.glob(os.path.join(folder, "data-" + said["found"] + "-*"))), folder + "/upgrade/data"]
    kept = [place for place in places if release(place) == said["found"]]
    if release(os.path.join(folder, "data")) != said["found"] and kept:
        exchange(os.path.join(folder, "data"), kept[-1])
        shutil.rmtree(kept[-1], ignore_errors=True)
    remove_new(os.path.join(folder, "upgrade"))
    return {"found": release(os.path.join(folder, "data"))}


STEPS = {"look": look, "copy": copy, "switch": switch, "back": back}


def main():
    try:
        print(json.dumps(STEPS[sys.argv[1]](json.load(sys.stdin))))
    except (Impossible, OSError, subprocess.SubprocessError, ValueError) as error:
        print(str(error))
        sys.exit(3)


if __name__ == "__main__":
    main()
