# SPDX-License-Identifier: BSD-2-Clause
"""Who runs the rows of the table: this machine, or several by GNU parallel over ssh.

How to use: `lost = Here(...).run(on_line)` or `Spread(...)`. `on_line` gets each line that a row prints;
`lost` says of each row that did not end by itself what became of it.
"""
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time

COMMAND = "tests/run/row.py"  # of the tree; self-tests have another
ROW_SECONDS = 3600            # a row that takes longer hangs
PASSED_ON = ("LONG", "CROSS_COMPILE")  # of the environment, to other machines


def _end(process):
    """Kill what we started, and all that it started."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


class Here:
    """`jobs` rows at once on this machine, each in a build folder that stays for the next."""

    def __init__(self, tree, rows_path, names, out, options, jobs, limit_s=ROW_SECONDS):
        self.tree, self.rows_path, self.limit_s = tree, rows_path, limit_s
        self.lanes = max(1, min(jobs, len(names)))
        self.options = ["--out", out, "--jobs", str(max(1, jobs // self.lanes)), *options]
        self.names = queue.SimpleQueue()
        for name in names:
            self.names.put(name)
        self.lost, self.running, self.stopped = {}, {}, False
        self.lock = threading.Lock()

    def _row(self, name, lane, on_line):
        started = time.monotonic()
        with self.lock:
            if self.stopped:
                return
            process = self.running[lane] = subprocess.Popen(
                [sys.executable, os.path.join(self.tree, COMMAND), self.rows_path, name, "--lane", str(lane),
                 *self.options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, errors="replace", start_new_session=True)
        alarm = threading.Timer(self.limit_s, _end, [process])
        alarm.start()
        last = ""
        with process.stdout:
            for line in process.stdout:
                on_line(line)
                last = line.strip() or last
        status = process.wait()
        alarm.cancel()
        _end(process)
        late = time.monotonic() - started >= self.limit_s
        if late:
            self.lost[name] = f"hung: not finished after {self.limit_s:.0f} s, and killed"
        elif status != 0:
            how = f"was killed by signal {-status}" if status < 0 else f"left with status {status}"
            self.lost[name] = f"its run {how}" + (f": {last}" if not last.startswith("@") else "")

    def _work(self, lane, on_line):
        while True:
            try:
                name = self.names.get_nowait()
            except queue.Empty:
                return
            self._row(name, lane, on_line)

    def run(self, on_line):
        workers = [threading.Thread(target=self._work, args=(lane, on_line), daemon=True)
                   for lane in range(1, self.lanes + 1)]
        for worker in workers:
            worker.start()
        try:
            for worker in workers:
                worker.join()
        finally:
            with self.lock:
                self.stopped = True
            for process in self.running.values():
                _end(process)
        return self.lost


# job.sh ROW LANE OPTION...: unpack the tree once, run the row, pack what it left but disk images.
JOB = """row=$1 lane=$2
shift 2
flock lock sh -c '[ -e unpacked ] || { rm -rf tree && mkdir tree && tar -xf tree.tar -C tree && : >unpacked; }' || exit
/usr/bin/python3 tree/%s tree/rows.json "$row" --out out --lane "$lane" "$@"
status=$?
mkdir -p "out/$row"
tar -cf "$row.tar" --exclude='*.img' --exclude='*.iso' -C out "$row" && exit $status
"""


class Spread:
    """Rows over `sshlogins`, as GNU parallel spells them: 2/:,4/user@host. Each gets a copy of this tree."""

    def __init__(self, tree, rows_path, names, out, options, sshlogins, limit_s=ROW_SECONDS):
        for tool in ("parallel", "rsync", "ssh", "git"):
            if not shutil.which(tool):
                sys.exit(f'SSHLOGINS needs {tool}, which is missing: run "make setup", which installs it')
        self.tree, self.rows_path, self.names, self.options = tree, rows_path, names, options
        self.sshlogins, self.out, self.limit_s = sshlogins, out, limit_s
        # Relative to the home folder there, to `folder` here: parallel's --workdir.
        self.work = f"eft-regress-{os.uname().nodename}-{os.getpid()}"
        self.folder = os.path.join(out, "spread")

    def _pack(self):
        """What git knows or would know of the tree, as it is now, and the list of rows."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(os.path.join(self.folder, self.work))
        listed = subprocess.run(["git", "-C", self.tree, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                stdout=subprocess.PIPE, text=True)
        if listed.returncode != 0:
            sys.exit("SSHLOGINS needs to know what belongs to the tree: run it in a git clone")
        with tarfile.open(os.path.join(self.folder, "tree.tar"), "w") as tar:
            for name in filter(None, listed.stdout.split("\0")):
                if os.path.lexists(os.path.join(self.tree, name)):
                    tar.add(os.path.join(self.tree, name), name)
            tar.add(self.rows_path, "rows.json")
        with open(os.path.join(self.folder, "job.sh"), "w", encoding="utf-8") as file:
            file.write(JOB % COMMAND)
        for name in ("tree.tar", "job.sh"):  # for rows that run here: parallel copies nothing then
            os.symlink(f"../{name}", os.path.join(self.folder, self.work, name))

    def _parallel(self, *arguments, **more):
        return subprocess.Popen(["parallel", "--will-cite", "--sshlogin", self.sshlogins, *arguments],
                                cwd=self.folder, start_new_session=True, **more)

    def _unpack(self):
        for folder in (self.folder, os.path.join(self.folder, self.work)):
            for name in self.names:
                path = os.path.join(folder, name + ".tar")
                if os.path.exists(path):
                    subprocess.run(["tar", "-xf", path, "-C", self.out], check=True)

    def _clean(self):
        """Remove the copies, there and here."""
        with self._parallel("--nonall", f"rm -rf {shlex.quote(self.work)}", stdin=subprocess.DEVNULL) as process:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                _end(process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _lost(self):
        """What parallel's log says of jobs that ended badly."""
        found = {name: "it did not run" for name in self.names}
        with open(os.path.join(self.folder, "jobs.log"), encoding="utf-8") as log:
            for line in list(log)[1:]:
                _, host, _, seconds, _, _, status, killed, command = line.rstrip("\n").split("\t", 8)
                name = next((word for word in reversed(shlex.split(command)) if word in found), None)
                if name and status == "0" and killed == "0":
                    del found[name]
                elif name:
                    found[name] = (f"hung: killed after {float(seconds):.0f} s on {host}" if status == "-1" else
                                   f"its run on {host} " + (f"was killed by signal {killed}" if killed != "0" else
                                                           f"left with status {status}"))
        return found

    def run(self, on_line):
        self._pack()
        kept = shlex.join(["env", *(f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ)])
        copies = ["--basefile", "./tree.tar", "--basefile", "./job.sh", "--return", "./{1}.tar", "--cleanup"]
        process = self._parallel(*(copies if re.search(r"[^/:,0-9]", self.sshlogins) else ()), "--workdir", self.work,
                                 "--line-buffer", "--joblog", "jobs.log", "--timeout", str(self.limit_s),
                                 f"{kept} sh job.sh {{1}} {{%}} {shlex.join(self.options)}", ":::", *self.names,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            with process.stdout:
                for line in process.stdout:
                    on_line(line)
            process.wait()
            self._unpack()
            return self._lost()
        finally:
            _end(process)
            self._clean()
