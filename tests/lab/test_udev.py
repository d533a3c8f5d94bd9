"""udev's own reading of rules, on a real kernel: what it drops is refused, and what it takes is taken."""

from __future__ import annotations

import re
import sys

from hal.settings.udev_rules import fault
from lab.guest import REPOSITORY, run_in_guest
from lab.udev_lines import lines


def test_every_form_of_a_line_is_judged_as_udev_judges_it() -> None:
    (done,) = run_in_guest(
        None,
        [[sys.executable, "-m", "lab.udev_lines"]],
        environment={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY}/tests", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.status == 0, done.stderr
    forms = lines()
    assert done.stdout.rstrip().endswith(f"LINES {len(forms)}")
    dropped = {int(number): why for number, why in re.findall(r"^LINE (\d+) (.*)$", done.stdout, re.MULTILINE)}
    assert 100 < len(dropped) < len(forms) - 100
    ours = {number: found.message for number, line in enumerate(forms, 1) if (found := fault(line))}
    assert {forms[number - 1]: (ours.get(number), dropped.get(number)) for number in ours.keys() ^ dropped.keys()} == {}
