"""``.ci/servers prometheus-old alertmanager-old``: fetched once, run from the cache, and no failure where they cannot be had.

Scripts stand in for apt-get and dpkg-deb; the real ones are what the tests of the whole path run on.
"""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.collector.test_servers import Clone

DATA = "/usr/share/prometheus/alertmanager"
APT = """#!/bin/sh
# Knows the packages with lists of its own alone (KNOWN=fresh), always, or not at all (KNOWN=never).
echo "apt-get $1" >> "$GO_CALLS"
case "$KNOWN $*" in
  *" update "*) exit ;;
  never*) echo "E: Version '2.42.*' for 'prometheus' was not found"; exit 100 ;;
  fresh*State::lists*) ;;
  fresh*) echo "E: Unable to locate package"; exit 100 ;;
esac
case "$2" in
  "prometheus=2.42.*") echo > prometheus_2.42.0+ds-5+deb12u1_amd64.deb ;;
  "prometheus-alertmanager=0.25.*") echo > prometheus-alertmanager_0.25.0-1+b4_amd64.deb ;;
esac
"""
DPKG = f"""#!/bin/sh
mkdir -p "$3/usr/bin" "$3{DATA}"
case "$2" in
  *prometheus-alertmanager*) programs="prometheus-alertmanager amtool" ;;
  *) programs="prometheus promtool" ;;
esac
for program in $programs; do
  [ "$program" != "$DPKG_OMITS" ] || continue
  printf '#!/bin/sh\\necho "$1:"; cat %s/default.tmpl\\n' "${{DPKG_DATA:-{DATA}}}" > "$3/usr/bin/$program"
  chmod +x "$3/usr/bin/$program"
done
echo templates > "$3{DATA}/default.tmpl"
"""


@pytest.fixture
def debian(tmp_path):
    """A clone on a machine with apt."""
    clone = Clone(tmp_path)
    for name, text in (("apt-get", APT), ("dpkg-deb", DPKG)):
        (clone.bin / name).write_text(text)
        (clone.bin / name).chmod(0o755)
    for tool in ("mkdir", "cat"):
        (clone.bin / tool).symlink_to(shutil.which(tool))
    return clone


def kept(clone):
    return sorted(path.name for path in (clone.cache / "packages").iterdir() if not path.name.endswith(".lock"))


def test_a_package_is_fetched_once_under_its_version_with_its_tool_beside_it(debian):
    code, first, _ = debian.run("prometheus-old")
    assert code == 0
    assert re.fullmatch(
        r"prometheus-old +\d+ s  /.*/prometheus-old-2\.42\.0\+ds-5\+deb12u1/usr/bin/prometheus\n", first
    )
    assert debian.path("prometheus-old").with_name("promtool").is_file()
    assert debian.compiled() == ["apt-get download"]


def test_a_package_that_was_fetched_is_used_where_there_is_no_apt(debian):
    path = debian.path("prometheus-old")
    (debian.bin / "apt-get").unlink()
    assert debian.path("prometheus-old") == path


def test_lists_that_do_not_know_the_package_are_fetched_anew(debian):
    assert debian.path("prometheus-old", KNOWN="fresh").is_file()
    assert debian.compiled() == ["apt-get download", "apt-get update", "apt-get download"]


def test_the_program_finds_its_data_from_wherever_it_is_started(debian, tmp_path):
    # The packaged one has the folder built in and would not start without being installed.
    program = debian.path("alertmanager-old")
    assert program.name == "alertmanager" and program.with_name("amtool").is_file()
    done = subprocess.run([program, "--flag"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "--flag:\ntemplates\n", done.stderr


def test_a_program_that_was_deleted_is_fetched_again(debian):
    tool = debian.path("prometheus-old").with_name("promtool")
    tool.unlink()
    assert debian.path("prometheus-old").with_name("promtool").is_file()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("prometheus-old", {"KNOWN": "never"}, "E: Version '2.42.*' for 'prometheus' was not found"),
        ("prometheus-old", {"DPKG_OMITS": "promtool"}, "holds no promtool"),
        ("alertmanager-old", {"DPKG_DATA": "/elsewhere"}, f"does not look for {DATA}"),
    ],
)
def test_what_cannot_be_had_is_said_and_leaves_nothing(debian, name, settings, message):
    code, out, err = debian.run(name, **settings)
    assert (code, out) == (1, "") and message in err and "Traceback" not in err
    assert kept(debian) == []


def test_elsewhere_than_on_debian_the_reason_is_given_and_only_who_asks_fails(debian):
    (debian.bin / "apt-get").unlink()
    code, _, err = debian.run("prometheus-old")
    assert code == 1 and "no apt-get here; prometheus 2.42 is a package of Debian 12" in err
    code, out, err = debian.run()
    assert code == 0 and "-old" not in out and err.count("The tests that want it are skipped.") == 2


def test_without_names_they_come_along_where_they_can_be_had(debian):
    _, out, _ = debian.run()
    assert [line.split()[0] for line in out.splitlines()][-2:] == ["prometheus-old", "alertmanager-old"]


def test_building_the_new_server_leaves_the_old_one(debian):
    path = debian.path("prometheus-old")
    for version in ("go1.26.7", "go1.26.8", "go1.26.9"):
        debian.path("prometheus", GO_SAYS=version)
    assert path.is_file()
