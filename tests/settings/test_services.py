"""The table of services: it agrees with the table of keys, and says what it does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hal import Root
from hal.settings.keys import BY_PATH, KNOWN
from hal.settings.services.service import Service, ServiceSetting
from hal.settings.services.table import ENGINE, SERVICES

ALL = (*SERVICES, *ENGINE)
ENDS_WITH_A_BOOT = "persistentLogging"
"""Turned on it is in force at once, turned off at the next boot: the key's cost is the higher one."""


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.path)
def test_a_service_obeys_known_keys_at_the_cost_of_the_table(service: Service) -> None:
    assert set(service.keys) <= KNOWN
    own = [key for key in service.keys if key == service.path or key.startswith(f"{service.path}.")]
    assert own, "the plan calls it by its key, or by the object of its keys"
    if service.path != ENDS_WITH_A_BOOT:
        assert {BY_PATH[key].cost for key in own} == {service.cost}
    assert service.where
    assert (service.cost == "service-restart") <= bool(service.units), "what is restarted has a name"


def test_each_key_has_one_service() -> None:
    owners = [service.path for service in ALL]
    assert len(set(owners)) == len(owners)
    names = [
        key for service in ALL for key in service.keys if key == service.path or key.startswith(service.path + ".")
    ]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("service", ALL, ids=lambda service: service.path)
def test_writes_are_below_the_root(service: Service, hal_tree: Callable[[str], Root]) -> None:
    root = hal_tree("raspberrypi4-64")
    setting = ServiceSetting(service, root)
    assert service.absence(root) is None
    assert all(not name.startswith("/") for name in setting.writes)
    assert setting.reads == ()
