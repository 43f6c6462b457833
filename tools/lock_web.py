"""Complete web/package-lock.json for the platforms whose packages the registry at hand did not have when it was written.

Native tools (biome, tailwind, rolldown) come as one optional package for each platform. npm leaves those that a partial
mirror lacks out of the lock, and `npm ci` then refuses it everywhere. They are named here with their versions; their digests
are checked only where npm finds them out by itself. Run it after every `npm install`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parent.parent / "web" / "package-lock.json"
SYSTEMS = ("android", "darwin", "freebsd", "linux", "openharmony", "win32", "sunos", "aix", "netbsd", "openbsd")
PROCESSORS = ("arm64", "x64", "arm", "ia32", "ppc64", "riscv64", "s390x", "loong64", "mips64el", "wasm32")


def complete(lock: dict[str, Any]) -> int:
    """Name what is missing; gives how many packages that were."""
    packages: dict[str, Any] = lock["packages"]
    missing: dict[str, Any] = {}
    for package in packages.values():
        for name, version in package.get("optionalDependencies", {}).items():
            path = f"node_modules/{name}"
            if path in packages:
                continue
            words = name.rpartition("/")[2].split("-")
            entry: dict[str, Any] = {"version": version, "optional": True}
            if package.get("dev"):
                entry["dev"] = True
            entry["cpu"] = [word for word in words if word in PROCESSORS]
            if systems := [word for word in words if word in SYSTEMS]:
                entry["os"] = systems
            missing[path] = entry
    packages.update(missing)
    lock["packages"] = dict(sorted(packages.items()))
    return len(missing)


def main() -> int:
    """Write the lock anew where something was missing."""
    lock = json.loads(LOCK.read_text())
    if count := complete(lock):
        LOCK.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n")
    print(f"lock: {count} packages of other platforms named")
    return 0


if __name__ == "__main__":
    sys.exit(main())
