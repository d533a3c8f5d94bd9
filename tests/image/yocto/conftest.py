"""The bitbake that layers are parsed with: the installed wheel, or with `--bitbake` a checkout of any release.

For a checkout: `pytest tests/image/yocto --bitbake DIR --bitbake-python PYTHON`, as `--bitbake bitbake-1.46
--bitbake-python python3.8`. Old bitbakes need an old Python: 1.34 runs on 3.6, 2.0 on 3.10.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from image.yocto.building import Bitbake


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--bitbake", type=Path, help="a checkout of bitbake, in place of the installed one")
    parser.addoption("--bitbake-python", default=sys.executable, help="the Python that runs it")


@pytest.fixture(scope="session")
def bitbake(request: pytest.FixtureRequest) -> Bitbake:
    checkout = request.config.getoption("--bitbake", default=None)
    python = request.config.getoption("--bitbake-python", default=sys.executable)
    return Bitbake(None if checkout is None else checkout.absolute(), python)
