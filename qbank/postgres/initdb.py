"""Makes the data folder of the embedded server and says with which options it runs.

What never lives here: starting and stopping (``embedded``, ``server_supervisor``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from qbank.errors import EmbeddedServerError
from qbank.postgres.data_directory import DataDirectory
from qbank.postgres.roles import password, user_name
from qbank.settings import Settings

GIB = 1024**3


def initialise(directory: DataDirectory, settings: Settings) -> None:
    """Makes the data folder unless it is there; one that was half made is made anew.

    Raises:
        EmbeddedServerError: ``initdb`` failed, or the data are of another major version.
    """
    if (directory.data / "PG_VERSION").exists():
        _check_version(directory)
        return
    # initdb writes into a folder that is renamed when it is whole: a kill leaves no half cluster
    making = directory.data.parent / "making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    secret = making / "password"
    descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password("owner", settings))
    if directory.account is not None:
        for path in (making, secret):
            os.chown(path, directory.account.uid, directory.account.gid)
    _run_initdb(directory, making / "data", secret)
    (making / "data").rename(directory.data)
    shutil.rmtree(making)


def _run_initdb(directory: DataDirectory, data: Path, secret: Path) -> None:
    command = [
        str(directory.binaries / "initdb"),
        f"--pgdata={data.resolve()}",
        f"--username={user_name('owner')}",
        f"--pwfile={secret.resolve()}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    ]
    done = subprocess.run(  # noqa: S603
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        check=False,
        **directory.popen_account(),
    )
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise EmbeddedServerError(f"initdb failed: {' | '.join(lines[-3:])}")


def _check_version(directory: DataDirectory) -> None:
    found = (directory.data / "PG_VERSION").read_text().strip()
    if found != "18":
        raise EmbeddedServerError(
            f"{directory.data} was made by PostgreSQL {found} and this is 18: dump it with the "
            "older release, then qbank db drop-embedded and restore"
        )


def server_options(port: int, host: str, settings: Settings) -> list[str]:
    """The server's options, for one machine that runs everything.

    ``synchronous_commit`` stays on: an answer that was acknowledged survives a crash.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    large = memory >= 8 * GIB
    options = {
        "port": port,
        "listen_addresses": host,
        # TCP with a password only: no socket that another user of the machine could open
        "unix_socket_directories": "",
        # Dagster's processes do not pool their connections
        "max_connections": 200,
        "shared_buffers": "512MB" if large else "128MB",
        "effective_cache_size": f"{memory // 2 // 1024**2}MB",
        "work_mem": "32MB" if large else "8MB",
        "maintenance_work_mem": "256MB" if large else "64MB",
        # containers often have 64 MB of /dev/shm, too little for a parallel hash join
        "dynamic_shared_memory_type": "posix" if _shared_memory() >= GIB // 2 else "mmap",
        "max_wal_size": "4GB",
        # a night's inserts fill the default of 16 MB faster than it is written
        "wal_buffers": "64MB" if large else "16MB",
        "checkpoint_timeout": "15min",
        "wal_level": "minimal",  # no replica: COPY into a new table skips the log
        "max_wal_senders": 0,
        "random_page_cost": 1.1,
        "jit": "off",
        # a query runs in no more processes than there are cores, itself being one
        "max_parallel_workers_per_gather": min(2, (os.cpu_count() or 1) - 1),
        "password_encryption": "scram-sha-256",
        # a client that was killed gives its locks back within seconds
        "client_connection_check_interval": "2s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u@%d ",
        "log_checkpoints": "off",
        "fsync": "on" if settings.postgres_fsync else "off",
        "full_page_writes": "on" if settings.postgres_fsync else "off",
    }
    return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def _shared_memory() -> int:
    try:
        folder = os.statvfs("/dev/shm")  # noqa: S108
    except OSError:
        return 0
    return folder.f_bavail * folder.f_frsize
