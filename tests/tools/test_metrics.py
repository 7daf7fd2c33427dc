#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: test_metrics.py

Tests of tools/mdev-pci-metrics, with host trees that are made here; Prometheus' own Python client
reads what it prints. TAP; the last line is "N passed, N failed".
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from prometheus_client.parser import text_string_to_metric_families

sys.dont_write_bytecode = True
import tap  # noqa: E402
HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "..", "..", "tools", "mdev-pci-metrics")
UUID = "6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f01"
PF, VF = "0000:01:00.0", "0000:01:00.1"
COUNTERS = {"saved": 3, "loaded": 2, "failed": 1, "errors": 4, "resets": 5, "bytes_saved": 2 ** 63,
            "bytes_loaded": 4096, "stopped_ns": 1002003004, "stopped_histogram": "0 0 1 2 0 0 1"}


def call(*words):
    return subprocess.run(["sh", TOOL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=60, check=False)


class Host:
    """A host with a parent and an mdev that migrates, as a tree of files."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="mdev-pci-metrics.")
        self.mdev = f"sys/bus/mdev/devices/{UUID}"
        types = f"sys/class/mdev_bus/{PF}/mdev_supported_types/refdev-dma"
        self.write(f"{types}/available_instances", "7\n")
        self.write(f"{self.mdev}/function", VF + "\n")
        self.write(f"{self.mdev}/migration_state", "RUNNING\n")
        os.symlink(f"../../../class/mdev_bus/{PF}/mdev_supported_types/refdev-dma", os.path.join(self.root, self.mdev, "mdev_type"))
        for name, value in COUNTERS.items():
            self.write(f"{self.mdev}/migration/{name}", f"{value}\n")

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.root)


def samples(text):
    """{(name, labels of it beside the mdev's): value}, as Prometheus' client reads them."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation and family.type in ("counter", "gauge", "histogram"), family
        for sample in family.samples:
            labels = dict(sample.labels)
            if "mdev" in labels:
                of = {k: labels.pop(k) for k in ("mdev", "function", "type")}
                assert of == {"mdev": UUID, "function": VF, "type": "refdev-dma"}, of
            key = (sample.name, *sorted(labels.values()))
            assert key not in found, key
            found[key] = sample.value
    return found


def of(host):
    done = call("--root", host.root)
    assert done.returncode == 0 and not done.stderr, done
    return samples(done.stdout)


def each_counter_of_sysfs_is_a_sample():
    with Host() as host:
        found = of(host)
    for key, value in ((("mdev_pci_migrations_total", "saved"), 3), (("mdev_pci_migrations_total", "loaded"), 2),
                       (("mdev_pci_migrations_total", "failed"), 1), (("mdev_pci_errors_total",), 4),
                       (("mdev_pci_resets_total",), 5), (("mdev_pci_state_bytes_total", "saved"), 2 ** 63),
                       (("mdev_pci_state_bytes_total", "loaded"), 4096),
                       (("mdev_pci_stopped_seconds_sum",), 1.002003004), (("mdev_pci_stopped_seconds_count",), 4),
                       (("mdev_pci_stopped_seconds_bucket", "0.03"), 0), (("mdev_pci_stopped_seconds_bucket", "0.1"), 1),
                       (("mdev_pci_stopped_seconds_bucket", "3"), 3), (("mdev_pci_stopped_seconds_bucket", "+Inf"), 4),
                       (("mdev_pci_available_instances", PF, "refdev-dma"), 7)):
        assert found.get(key) == value, (key, value, found.get(key))


def one_state_is_1_and_the_others_0():
    with Host() as host:
        states = {k[1]: v for k, v in of(host).items() if k[0] == "mdev_pci_state"}
    assert len(states) == 8 and states.pop("RUNNING") == 1 and not any(states.values()), states


def an_mdev_whose_function_is_gone_is_in_no_state():
    with Host() as host:
        host.write(f"{host.mdev}/migration_state", "none\n")
        states = [v for k, v in of(host).items() if k[0] == "mdev_pci_state"]
    assert len(states) == 8 and not any(states), states


def an_mdev_of_another_kind_is_not_shown():
    with Host() as host:
        host.write("sys/bus/mdev/devices/6e0a5b2e-9d2a-4b0e-8f43-5b8e0d9a6f02/name", "not ours\n")
        of(host)


def a_host_without_mdevs_has_no_samples():
    with tempfile.TemporaryDirectory() as root:
        done = call("--root", root)
    assert done.returncode == 0 and not samples(done.stdout), done


def odd_words_in_sysfs_break_no_line():
    with Host() as host:
        host.write(f"{host.mdev}/function", 'x"} 1\\\n')
        host.write(f"{host.mdev}/migration/saved", "3 or 4\n")
        done = call("--root", host.root)
    families = list(text_string_to_metric_families(done.stdout))
    names = {s.labels.get("function") for f in families for s in f.samples}
    assert names == {None, "x???1?"}, names
    assert not any(s.labels.get("result") == "saved" for f in families for s in f.samples)


def output_replaces_a_file_and_leaves_no_other():
    with Host() as host:
        path = os.path.join(host.root, "mdev-pci.prom")
        host.write("mdev-pci.prom", "old\n")
        done = call("--root", host.root, "--output", path)
        assert done.returncode == 0 and not done.stdout, done
        with open(path, encoding="utf-8") as file:
            assert samples(file.read())
        assert sorted(os.listdir(host.root)) == ["mdev-pci.prom", "sys"], os.listdir(host.root)
        done = call("--root", host.root, "--output", os.path.join(host.root, "no", "file"))
        assert done.returncode == 1 and "can't write" in done.stderr, done


def each_metric_is_in_the_man_page():
    with Host() as host, open(TOOL + ".8", encoding="utf-8") as file:
        page = set(re.findall(r"^\.It (mdev_pci_\w+)$", file.read(), re.M))
        assert page == {k[0] for k in of(host)}, page


def wrong_options_are_refused():
    for words in (["--what"], ["--root"], ["--output"]):
        done = call(*words)
        assert done.returncode == 64 and done.stderr and not done.stdout, (words, done)
    done = call("--help")
    assert done.returncode == 0 and "--output FILE" in done.stdout, done


def its_version_is_the_packages():
    with open(os.path.join(HERE, "..", "..", "debian", "changelog"), encoding="utf-8") as file:
        number = re.match(r"mdev-pci \(([^)]*)\)", file.readline()).group(1)
    assert call("--version").stdout == f"mdev-pci-metrics {number}\n"


TESTS = (each_counter_of_sysfs_is_a_sample, one_state_is_1_and_the_others_0,
         an_mdev_whose_function_is_gone_is_in_no_state, an_mdev_of_another_kind_is_not_shown,
         a_host_without_mdevs_has_no_samples, odd_words_in_sysfs_break_no_line,
         output_replaces_a_file_and_leaves_no_other, each_metric_is_in_the_man_page,
         wrong_options_are_refused, its_version_is_the_packages)


def main():
    return tap.run(("metrics: " + test.__name__.replace("_", " "), test) for test in TESTS)


if __name__ == "__main__":
    sys.exit(main())
