"""The modems: one row a model, with the USB identities it is known to show, its ports, and how its mode is changed.

An identity is not a model: makers give one id to many, so `ambiguous_with` names who else shows one of them, also
models that have no row here. Where an id says nothing about the model at all, its note says so.
"""

from __future__ import annotations

from hal.model import ModemModel
from hal_modems import huawei, others

MODEMS: tuple[ModemModel, ...] = (*huawei.MODEMS, *others.MODEMS)
