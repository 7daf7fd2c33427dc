# SPDX-License-Identifier: GPL-2.0-only
"""A QMP client: usage: qmp.py SOCKET COMMAND [JSON-ARGUMENTS]
                        qmp.py SOCKET --migrate URI [SECONDS]
                        qmp.py SOCKET --wait-status STATUS [SECONDS]
As a module: with Qmp(path) as q: q.cmd("query-status")"""
import json
import socket
import sys
import time


class QmpError(Exception):
    pass


class Qmp:
    """One connection. Replies are waited for, events are kept in .events."""

    def __init__(self, path, timeout=30):
        self.events = []
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        # QEMU may still be starting.
        end = time.monotonic() + timeout
        while True:
            try:
                self.sock.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        self.file = self.sock.makefile("r", encoding="utf-8")
        self._read()
        self.cmd("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.sock.close()

    def _read(self):
        line = self.file.readline()
        if not line:
            raise QmpError("QEMU closed the connection")
        return json.loads(line)

    def cmd(self, name, **args):
        msg = {"execute": name}
        if args:
            msg["arguments"] = {k.rstrip("_").replace("_", "-"): v
                                for k, v in args.items()}
        self.sock.sendall(json.dumps(msg).encode() + b"\n")
        while True:
            reply = self._read()
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise QmpError("%s: %s" % (name, reply["error"]["desc"]))
            elif "return" in reply:
                return reply["return"]

    def hmp(self, line):
        return self.cmd("human-monitor-command", command_line=line)

    def poll(self, what, good, timeout):
        """Ask what() until good() likes the answer; the last answer."""
        end = time.monotonic() + timeout
        while True:
            answer = what()
            if good(answer):
                return answer
            if time.monotonic() > end:
                raise QmpError("time-out, last answer %s" % json.dumps(answer))
            time.sleep(0.1)

    def migrate(self, uri, timeout=120):
        """Migrate to uri and wait for the end; query-migrate's answer."""
        self.cmd("migrate", uri=uri)
        return self.poll(lambda: self.cmd("query-migrate"),
                         lambda a: a.get("status") in ("completed", "failed", "cancelled"),
                         timeout)


def main(path, what, *rest):
    with Qmp(path) as q:
        if what == "--migrate":
            answer = q.migrate(rest[0], float(rest[1]) if rest[1:] else 120)
            print(json.dumps(answer))
            return 0 if answer["status"] == "completed" else 1
        if what == "--wait-status":
            answer = q.poll(lambda: q.cmd("query-status"), lambda a: a["status"] == rest[0],
                            float(rest[1]) if rest[1:] else 30)
        else:
            answer = q.cmd(what, **(json.loads(rest[0]) if rest else {}))
        print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (QmpError, OSError) as e:
        sys.exit("qmp.py: %s" % e)
