"""A control group with a CPU quota, for processes to start in, where this machine lets us make one (cgroups(7)): as root with the
cpu controller of version 1, or of version 2 below a group that hands it on."""
import contextlib
import os
import pathlib

PERIOD_US = 100000


def groups():
    """Folders of this process's own groups in hierarchies that may have the cpu controller."""
    own = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or "cpu" in controllers.split(","):
            own["cgroup2" if number == "0" else "cgroup"] = path
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        place, source = (half.split() for half in line.split(" - "))
        kind, options, shown = source[0], source[2].split(","), place[3].rstrip("/")
        if kind in own and (kind == "cgroup2" or "cpu" in options):
            yield pathlib.Path(place[4] + own[kind].removeprefix(shown))


def limit(group, cores):
    quota = str(int(cores * PERIOD_US))
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota} {PERIOD_US}", encoding="ascii")
    else:
        (group / "cpu.cfs_period_us").write_text(str(PERIOD_US), encoding="ascii")
        (group / "cpu.cfs_quota_us").write_text(quota, encoding="ascii")


@contextlib.contextmanager
def group_of(cores):
    """The folder of a new group that may use so many cores; None where there can be none. It goes when its processes have ended."""
    made = None
    for parent in groups():
        group = parent / f"alt-bench-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            limit(group, cores)
            made = group
            break
        except OSError:
            group.rmdir()
    try:
        yield made
    finally:
        if made:
            made.rmdir()


def enter(group):
    """For the child, between fork and exec."""
    (group / "cgroup.procs").write_text("0", encoding="ascii")
