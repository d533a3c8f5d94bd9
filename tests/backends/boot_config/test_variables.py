"""The supervisor's names and lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.boot_config import variables


@pytest.mark.parametrize(
    ("backend", "word", "key"),
    [
        (variables.CONFIG_TXT, "BALENA_HOST_CONFIG_gpu_mem", "gpu_mem"),
        (variables.CONFIG_TXT, "RESIN_HOST_CONFIG_gpu_mem", "gpu_mem"),
        (variables.CONFIG_TXT, "HOST_CONFIG_gpu_mem", "gpu_mem"),
        (variables.CONFIG_TXT, "BALENA_HOST_CONFIG_", None),
        (variables.CONFIG_TXT, "balena_HOST_CONFIG_gpu_mem", None),
        (variables.CONFIG_TXT, "BALENA_RESIN_HOST_CONFIG_gpu_mem", None),
        (variables.EXTLINUX, "BALENA_HOST_EXTLINUX_isolcpus", "isolcpus"),
        (variables.EXTLINUX, "BALENA_HOST_EXTLINUX_other", None),
        (variables.EXTLINUX, "BALENA_HOST_CONFIG_fdt", None),
        (variables.ODMDATA, "RESIN_HOST_ODMDATA_configuration", "configuration"),
        (variables.CONFIGFS, "BALENA_HOST_CONFIGFS_ssdt", "ssdt"),
        (None, "BALENA_HOST_CONFIGFS_ssdt", None),
    ],
)
def test_a_variable_names_a_key(backend: str | None, word: str, key: str | None) -> None:
    assert variables.key_of(backend, word) == key
    if key is not None:
        assert variables.name_of(backend, key) == f"BALENA_{backend}{key}"


@given(st.lists(st.text(max_size=8), min_size=1, max_size=4))
def test_a_list_in_the_supervisors_form_is_read_back(found: list[str]) -> None:
    assert variables.elements(variables.listed(found), key="k") == tuple(found)
