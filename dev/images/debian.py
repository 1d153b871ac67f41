"""A root filesystem from the Debian packages installed here: no registry, no download.

dpkg knows each package's files, so copying those of Python, a shell and the everyday tools, with
all they depend on, is what `debootstrap` would make, in seconds.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.shell import run, which
from dev.cluster.tools import install

PYTHON = "3.11"
PACKAGES = (
    f"python{PYTHON}", "bash", "coreutils", "dash", "findutils", "grep", "gzip", "libstdc++6",
    "mawk", "netbase", "sed", "tar", "tzdata",
)  # fmt: skip
"""What scripts in a container may expect, as in Debian's slim images."""
_UNWANTED = {
    "base-files",
    "debconf",
    "debconf-2.0",
    "debianutils",
    "dpkg",
    "install-info",
    "perl-base",
}
_LEFT_OUT = (
    "/usr/share/doc",
    "/usr/share/man",
    "/usr/share/locale",
    "/usr/share/info",
    "/usr/share/lintian",
    "/usr/share/bug",
    "/usr/share/menu",
    "/usr/share/applications",
    "/usr/share/pixmaps",
    "/etc/init.d",
)
_MERGED = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into /usr (https://wiki.debian.org/UsrMerge)."""
_CERTIFICATES = Path("/usr/share/ca-certificates/mozilla")
USER = 65532
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    f"nonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/usr/sbin/nologin\n",
    "etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n',
}


def packages(wanted: Iterable[str] = PACKAGES) -> dict[str, str]:
    """The packages needed with all they depend on, with their versions; installs missing ones.

    Raises ClusterError on machines that are not Debian or have another Python.
    """
    if not which("dpkg-query"):
        raise ClusterError("building the image without Docker needs Debian's packages")
    installed = _installed()
    missing = [name for name in (*wanted, "ca-certificates") if name not in installed]
    if missing:
        install(missing)
        installed = _installed()
    closure: dict[str, str] = {}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in closure or name in _UNWANTED:
            continue
        version, depends = installed[name]
        closure[name] = version
        waiting += [found for each in depends.split(",") if (found := _first(each, installed))]
    return dict(sorted(closure.items()))


def _installed() -> dict[str, tuple[str, str]]:
    """Version and dependencies of each installed package."""
    listing = run("dpkg-query", "-W", "-f", "${Package}\t${db:Status-Abbrev}\t${Version}\t${Pre-Depends},${Depends}\n")  # fmt: skip  # noqa: E501
    rows = (line.split("\t") for line in listing.splitlines())
    return {row[0]: (row[2], row[3]) for row in rows if row[1].startswith("ii")}


def _first(alternatives: str, installed: dict[str, tuple[str, str]]) -> str | None:
    """The installed one of `a (>= 1) | b`."""
    names = [re.sub(r"[ (:].*", "", each.strip()) for each in alternatives.split("|")]
    return next((name for name in names if name in installed), None)


def key(closure: dict[str, str]) -> str:
    """What identifies the root filesystem: the packages, the certificates and this recipe."""
    digest = hashlib.sha256(repr(sorted(closure.items())).encode())
    digest.update(Path(__file__).read_bytes())
    for certificate in sorted(_CERTIFICATES.glob("*.crt")):
        digest.update(certificate.read_bytes())
    return digest.hexdigest()[:16]


def populate(root: Path, closure: dict[str, str]) -> None:
    """Copy the packages' files under `root`, with what their installation would have made."""
    for folder in (
        "usr",
        "etc",
        "tmp",
        "run",
        "proc",
        "sys",
        "dev",
        "root",
        "var/tmp",
        "home/nonroot",
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for folder in _MERGED:
        (root / "usr" / folder).mkdir(exist_ok=True)
        (root / folder).symlink_to(f"usr/{folder}")
    for path in run("dpkg-query", "-L", *closure).splitlines():
        _copy(path, root)
    for name, text in _ACCOUNTS.items():
        (root / name).write_text(text)
    for temporary in ("tmp", "var/tmp"):
        (root / temporary).chmod(0o1777)
    for link, target in (
        ("python3", f"python{PYTHON}"),
        ("python", f"python{PYTHON}"),
        ("awk", "mawk"),
    ):
        if not (root / "usr/bin" / link).is_symlink():
            (root / "usr/bin" / link).symlink_to(target)
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    bundle.write_bytes(b"".join(each.read_bytes() for each in sorted(_CERTIFICATES.glob("*.crt"))))
    compile_python(root, f"usr/lib/python{PYTHON}")


def _copy(path: str, root: Path) -> None:
    source = Path(path)
    if path.startswith(_LEFT_OUT) or path.lstrip("/") in ("", ".", *_MERGED):
        return
    first = source.parts[1]
    target = root / ("usr" + path if first in _MERGED else path[1:])
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink():
            target.symlink_to(os.readlink(source))
    elif source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def compile_python(root: Path, folder: str) -> None:
    """Write bytecode beside the modules: in a read-only container nothing else would."""
    run(f"/usr/bin/python{PYTHON}", "-m", "compileall", "-q", "-j", "0", "-x", "lib2to3/tests",
        "--invalidation-mode", "unchecked-hash", "-s", root, "-p", "/", root / folder)  # fmt: skip
