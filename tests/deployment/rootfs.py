"""Programs that run in a directory as their root file system: mounts, a user without rights, and what the kernel says about the
process. image.py and dist.py use this file, in a mount namespace of their own."""

import pathlib
import subprocess


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


def mount_read_only(root, writable, readable):
    """Makes `root` read-only. `writable` and `readable` are pairs of a directory outside and a directory inside."""
    for _, inside in [*writable, *readable, (None, "proc")]:
        (root / inside).mkdir(parents=True, exist_ok=True)
    mount("--bind", root, root)
    mount("-t", "proc", "proc", root / "proc")
    for outside, inside in writable:
        mount("--bind", outside, root / inside)
    for outside, inside in readable:
        mount("--bind", outside, root / inside)
        mount("-o", "remount,bind,ro", root / inside)
    mount("-o", "remount,bind,ro", root)


def unmount(root):
    subprocess.run(["umount", "--recursive", str(root)], check=True)


def inside(root, uid, gid, directory="/", groups=""):
    """The beginning of a command that runs in `root` as this user, with these further groups (numbers with commas between them)."""
    enter = ["setpriv", "--no-new-privs", "unshare", f"--root={root}", f"--wd={directory}"]
    if groups:
        return [*enter, "--", "setpriv", f"--reuid={uid}", f"--regid={gid}", f"--groups={groups}", "--"]
    return [*enter, f"--setgid={gid}", f"--setuid={uid}", "--"]


def facts_of(pid):
    """What the kernel says about a process."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: value.split() for name, value in (line.split(":", 1) for line in status.splitlines())}


def root_options(pid):
    lines = pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    return next(line.split()[5] for line in lines if line.split()[4] == "/").split(",")


def check_rights(report, pid, uid, gid):
    """Checks what a running server may do."""
    facts = facts_of(pid)
    right = set(facts["Uid"]) == {str(uid)} and set(facts["Gid"]) == {str(gid)}
    report.check("it runs as its user", right, f"{facts['Uid'][0]}:{facts['Gid'][0]}")
    report.check("it has no other group", facts["Groups"] == [])
    report.check("it has no capability", facts["CapEff"] == facts["CapPrm"] == ["0" * 16])
    report.check("it cannot gain privileges", facts["NoNewPrivs"] == ["1"])
    report.check("its root is read-only", "ro" in root_options(pid))
