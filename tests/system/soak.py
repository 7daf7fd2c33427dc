#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: soak.py PF-DIRECTORY TYPE [--seed N] [--seconds S] [--migrations N] [--every S] [--log]

In L1: operations in random order over as many mdevs as the PF has VFs, until both S seconds and
N migrations are over. What is copied, saved and loaded is verified by vfio-mig, whose
sessions do the work. Every so often all mdevs are closed and removed, and the kernel's memory is
looked at: it must not grow. --log: dirty page logging, too, where the kernel can.

The same seed gives the same order, as far as the times for looking at memory fall alike.
"""

import argparse
import os
import random
import select
import signal
import subprocess
import sys
import time
import uuid

MDEVS = "/sys/bus/mdev/devices"
WORK = os.environ.get("WORK", "/tmp")
PATIENCE = int(os.environ.get("PATIENCE", "1"))
CHAIN = 2000		# copies that are under way while a function migrates

# What kernel memory may grow by from the end of the warm-up on. Of kmalloc and our modules'
# caches only what is in use is counted, so that is to the byte but for the kernel's own affairs
SLAB_BOUND = 48 << 10
MEMORY_BOUND = 6 << 20


class Failure(Exception):
    pass


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    except OSError as e:
        raise Failure(f"writing '{text}' to {path}: {e.strerror}") from e
    finally:
        os.close(fd)


def read(path):
    with open(path, encoding="ascii", errors="replace") as f:
        return f.read()


class Session:
    """A user of an mdev: vfio-mig, that gets its commands one line at a time"""

    def __init__(self, directory):
        self.process = subprocess.Popen(["vfio-mig", directory, "-"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.pending = b""

    def line(self, until):
        while b"\n" not in self.pending:
            left = until - time.monotonic()
            fd = self.process.stdout.fileno()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise Failure("no answer in time; it said: " + self.pending.decode())
            got = os.read(fd, 65536)
            if not got:
                return None
            self.pending += got
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode()

    def do(self, *commands):
        """-> what the commands have printed, by name"""
        said = {}
        try:
            self.process.stdin.write("\t".join(commands).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        until = time.monotonic() + 60 * PATIENCE
        while True:
            line = self.line(until)
            if line is None:
                raise Failure("it has ended")
            if line == "##done":
                return said
            if line.startswith("vfio-mig: "):
                raise Failure(line)
            name, _, value = line.partition("=")
            said[name] = value

    def end(self, kill=False):
        if kill:
            self.process.kill()
        self.process.stdin.close()
        try:
            status = self.process.wait(60 * PATIENCE)
        except subprocess.TimeoutExpired as e:
            self.process.kill()
            raise Failure("the user of an mdev does not end") from e
        finally:
            self.process.stdout.close()
        if status != (-signal.SIGKILL if kill else 0):
            raise Failure(f"the user of an mdev ended with {status}")


class Mdev:
    def __init__(self, create):
        self.uuid = str(uuid.UUID(int=random.getrandbits(128)))
        write(create, self.uuid)
        self.directory = f"{MDEVS}/{self.uuid}"
        self.function = read(self.directory + "/function").strip()
        self.session = None
        self.copies = 0

    def open(self):
        self.session = Session(self.directory)
        self.session.do("state=RUNNING", "copies=0", "errors=0")
        self.copies = 0

    def close(self, kill=False):
        session, self.session = self.session, None
        session.end(kill)

    def remove(self):
        write(self.directory + "/remove", "1")


class Soak:
    def __init__(self, args):
        self.args = args
        self.create = f"{args.pf}/mdev_supported_types/{args.type}/create"
        self.slots = [None] * int(read(args.pf + "/sriov_numvfs"))
        self.done = {}
        self.copied = 0
        self.history = []
        self.points = []
        self.precopy = tuple(int(x) for x in os.uname().release.split(".")[:2]) >= (6, 2)

    # ---- operations: each says whether it was possible -----------------------------

    def pick(self, which):
        found = [m for m in self.slots if m and which(m)]
        return random.choice(found) if found else None

    def an_open_one(self):
        return self.pick(lambda m: m.session)

    def a_closed_one(self):
        return self.pick(lambda m: not m.session)

    def op_create(self):
        if None not in self.slots:
            return False
        self.slots[self.slots.index(None)] = Mdev(self.create)
        return True

    def op_remove(self):
        mdev = self.a_closed_one()
        if mdev:
            mdev.remove()
            self.slots[self.slots.index(mdev)] = None
        return bool(mdev)

    def op_open(self):
        mdev = self.a_closed_one()
        if mdev:
            mdev.open()
        return bool(mdev)

    def op_close(self):
        mdev = self.an_open_one()
        if mdev:
            mdev.close()
        return bool(mdev)

    def op_copy(self):
        mdev = self.an_open_one()
        if not mdev:
            return False
        n = random.randint(1, 200)
        mdev.copies += n
        self.copied += n
        mdev.session.do(f"dma:{n}", f"copies={mdev.copies}", "errors=0")
        return True

    def op_stop(self):
        mdev = self.an_open_one()
        if not mdev:
            return False
        mdev.session.do(random.choice(["set:STOP", "set:RUNNING_P2P"]), "frozen:5",
                        "set:RUNNING", "dma:3")
        mdev.copies += 3
        self.copied += 3
        return True

    def op_reset(self):
        mdev = self.an_open_one()
        if mdev:
            mdev.session.do("reset", "copies=0", "dma:2")
            mdev.copies = 2
            self.copied += 2
        return bool(mdev)

    def op_flr(self):
        """By the function's own attribute, used or not"""
        mdev = self.pick(lambda m: True)
        if not mdev:
            return False
        write(f"/sys/bus/pci/devices/{mdev.function}/reset", "1")
        if mdev.session:
            mdev.session.do("state=RUNNING", "reset", "copies=0", "dma:2")
            mdev.copies = 2
            self.copied += 2
        return True

    def op_log(self):
        """Dirty pages: exactly what was written"""
        mdev = self.a_closed_one()
        if not mdev or not self.args.log:
            return False
        page = random.randrange(16, 4000)
        where = 0x20000000 + page * 4096
        got = subprocess.run(["vfio-log", mdev.directory, "probe", "start:4096:0x20000000+0x1000000",
                              f"copy:{where}:100", f"report:0x20000000:0x1000000:4096:{page}",
                              "report:0x20000000:0x1000000:4096:none", "stop"],
                             capture_output=True, text=True, timeout=60 * PATIENCE, check=False)
        if got.returncode:
            raise Failure(got.stdout + got.stderr)
        return True

    def op_kill(self):
        """The user goes away in the middle of something"""
        mdev = self.an_open_one()
        if not mdev:
            return False
        states = ["set:STOP_COPY", "set:RESUMING", "set:STOP", "start:2000"]
        if self.precopy:
            states.append("set:PRE_COPY")
        state = random.choice(states)
        if state == "start:2000":
            mdev.session.do("reset", state)
        else:
            mdev.session.do(state)
        if state in ("set:STOP_COPY", "set:PRE_COPY"):
            mdev.session.do(f"read:{WORK}/part:{random.randint(1, 200000)}")
        mdev.close(kill=True)
        return True

    def op_migrate(self):
        """Copies go on meanwhile; the destination takes the chain up where the source left it"""
        source = self.an_open_one()
        target = self.pick(lambda m: m is not source)
        if not source or not target:
            return False
        state, digest = WORK + "/state", WORK + "/digest"
        by_p2p = random.random() < 0.5
        source.session.do("reset", f"start:{CHAIN}")
        save = f"read:{state}"
        if self.precopy and random.random() < 0.8:
            source.session.do("set:PRE_COPY", f"read:{state}:{random.choice([1, 5000, 300000, 700000])}",
                              "copies>=1")
            save = f"more:{state}"
            if by_p2p:
                source.session.do("set:PRE_COPY_P2P")
        elif by_p2p:
            source.session.do("set:RUNNING_P2P")
        said = source.session.do("set:STOP_COPY", "copies", f"digest:{digest}", save, "reread",
                                 f"digest-is:{digest}")
        copies = int(said["copies"])
        self.chains += copies < CHAIN
        if not target.session:
            target.open()
        chunk = random.choice(["", ":4096", ":100000"])
        target.session.do(f"adopt:{CHAIN}:{copies}", "set:RESUMING", f"write:{state}{chunk}",
                          "set:STOP", f"copies={copies}", f"digest-is:{digest}", "set:RUNNING",
                          "wait", f"copies={CHAIN}", "errors=0", "dma:5")
        target.copies = CHAIN + 5
        self.copied += CHAIN - copies + 5
        source.close()
        self.migrations += 1
        return True

    # ---- memory ----------------------------------------------------------------------

    def all_gone(self):
        for i, mdev in enumerate(self.slots):
            if mdev and mdev.session:
                mdev.close()
            if mdev:
                mdev.remove()
            self.slots[i] = None
        for name in ("state", "digest", "part"):
            if os.path.exists(f"{WORK}/{name}"):
                os.unlink(f"{WORK}/{name}")

    def memory(self):
        """In use, without what can be given back: (objects of kmalloc, all), in bytes"""
        slab = 0
        for _ in range(2):
            write("/proc/sys/vm/drop_caches", "3")
            for cache in os.listdir("/sys/kernel/slab"):
                path = f"/sys/kernel/slab/{cache}"
                if cache.startswith("kmalloc") and not os.path.islink(path):
                    write(path + "/shrink", "1")
        for line in read("/proc/slabinfo").splitlines():
            if line.startswith("kmalloc"):
                words = line.split()
                slab += int(words[1]) * int(words[3])
        info = {w[0]: int(w[1]) << 10 for w in map(str.split, read("/proc/meminfo").splitlines())}
        return slab, info["MemTotal:"] - info["MemAvailable:"]

    def look(self):
        self.all_gone()
        time.sleep(0.5)		# what is freed after a grace period of RCU
        slab, used = self.memory()
        self.points.append((slab, used))
        print(f"{time.monotonic() - self.start:6.0f} s {self.steps:7d} operations {self.migrations:6d} "
              f"migrations {self.copied:9d} copies verified  kmalloc {slab >> 10:6d} KiB  "
              f"in use {used >> 10:7d} KiB", flush=True)

    def growth(self, of, bound, name):
        """From the least of what was there after the warm-up's looks to the least of the last ones"""
        values = [p[of] for p in self.points[WARM_UP:]]
        third = max(1, len(values) // 3)
        grown = min(values[-third:]) - min(values[:third])
        print(f"{name} has grown by {grown} bytes over {len(values)} looks, allowed are {bound}")
        if grown > bound:
            raise Failure(f"{name} has grown by {grown} bytes, more than {bound}")

    # ---- all of it -------------------------------------------------------------------

    def run(self):
        operations = {"create": 10, "open": 10, "copy": 12, "stop": 4, "reset": 3, "flr": 3, "log": 4,
                      "kill": 2, "close": 3, "remove": 4, "migrate": 16}
        names, weights = list(operations), list(operations.values())
        self.start = time.monotonic()
        self.steps = self.migrations = self.chains = 0
        looked = self.start
        while time.monotonic() - self.start < self.args.seconds or \
                self.migrations < self.args.migrations:
            name = random.choices(names, weights)[0]
            self.history.append(name)
            if getattr(self, "op_" + name)():
                self.done[name] = self.done.get(name, 0) + 1
                self.steps += 1
            if time.monotonic() - looked >= self.args.every:
                self.look()
                looked = time.monotonic()
        self.look()
        print("operations: " + ", ".join(f"{self.done.get(n, 0)} {n}" for n in names))
        print(f"{self.migrations} migrations, {self.chains} of them in the middle of a chain of copies; "
              f"{self.copied} copies verified")
        if len(self.points) > WARM_UP + 2:
            self.growth(0, SLAB_BOUND, "kmalloc")
            self.growth(1, MEMORY_BOUND, "memory in use")


# Looks at memory until caches and pools have filled
WARM_UP = 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("pf")
    parser.add_argument("type")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--migrations", type=int, default=0)
    parser.add_argument("--every", type=float, help="seconds (a twentieth of S, 10 to 60)")
    parser.add_argument("--log", action="store_true")
    args = parser.parse_args()
    args.every = args.every or min(60, max(10, args.seconds / 20))
    random.seed(args.seed)
    print(f"seed {args.seed}", flush=True)
    soak = Soak(args)
    try:
        soak.run()
    except Failure as e:
        print(f"FAILED: operation {len(soak.history)}, {soak.history[-1]}: {e}")
        print(f"seed {args.seed}; the last ones: " + " ".join(soak.history[-30:]))
        sys.exit(1)


main()
