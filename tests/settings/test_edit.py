"""A key is changed in the text, and every other byte stays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import ValueRefused
from hal.settings.edit import _members, changed, removed

PRETTY = """\
{
  "deviceType": "raspberrypi4-64",
  "os": {
    "power": {"mode": "high"},
    "odd" : [ 1,2 ]
  },
  "x": "é\\u00e9"
}
"""


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("{}", "a", 1, '{\n  "a": 1\n}'),
        ("{ }", "a.b", True, '{\n  "a": {\n    "b": true\n  }\n}'),
        ('{"a":1}', "b", "x", '{"a":1, "b": "x"}'),
        ('{"a":1}', "a", 2, '{"a":2}'),
        ('{"a":1}', "a", True, '{"a":true}'),
        ('{ "a" : { } , "b":2}', "a.c.d", 1, '{ "a" : {"c": {"d": 1}} , "b":2}'),
        ('{"a": null}', "a.b", 1, '{"a": {"b": 1}}'),
        ('{"a": "}{,\\"", "b": 1}', "b", 2, '{"a": "}{,\\"", "b": 2}'),
        (PRETTY, "deviceType", "x", PRETTY.replace("raspberrypi4-64", "x")),
        (PRETTY, "os.power.mode", "low", PRETTY.replace("high", "low")),
        (PRETTY, "os.fan.profile", "cool", PRETTY.replace("]\n", '],\n    "fan": {\n      "profile": "cool"\n    }\n')),
        (PRETTY, "y", ["é"], PRETTY.replace('e9"\n', 'e9",\n  "y": [\n    "é"\n  ]\n')),
        ("{\n}\n", "a", 1, '{\n  "a": 1\n}\n'),
        ('{\n\t"a": 1\n}', "b", 2, '{\n\t"a": 1,\n\t"b": 2\n}'),
        ('\ufeff{"a":1}', "a", 2, '\ufeff{"a":2}'),
        ('{\r\n  "a": 1\r\n}\r\n', "a", 2, '{\r\n  "a": 2\r\n}\r\n'),
    ],
)
def test_set(before: str, path: str, value: object, after: str) -> None:
    assert changed(before, tuple(path.split(".")), value) == after
    assert changed(after, tuple(path.split(".")), value) == after, "twice is once"


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ('{"a": 1}', "a", "{}"),
        ('{"a": 1, "b": 2}', "a", '{"b": 2}'),
        ('{"a": 1, "b": 2}', "b", '{"a": 1}'),
        ('{"a": {"b": 2}}', "a.b", '{"a": {}}'),
        ('{"a": 1}', "b", '{"a": 1}'),
        ('{"a": 1}', "a.b", '{"a": 1}'),
        (PRETTY, "x", PRETTY.replace(',\n  "x": "é\\u00e9"', "")),
        (PRETTY, "os", PRETTY.partition('  "os"')[0] + PRETTY[PRETTY.index('  "x"') :]),
    ],
)
def test_unset(before: str, path: str, after: str) -> None:
    assert removed(before, tuple(path.split("."))) == after


def test_what_is_no_object_is_not_replaced() -> None:
    with pytest.raises(ValueRefused, match=r"os\.fan: no object, so os\.fan\.profile cannot be set"):
        changed('{"os": {"fan": "x"}}', ("os", "fan", "profile"), "cool")


scalars = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(max_size=5)
keys = st.text(st.sampled_from('ab"\\{}é:,'), max_size=3)
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)
objects = st.dictionaries(keys, nested, max_size=4)
styles = st.sampled_from([{}, {"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def members(text: str) -> list[Any]:
    return list(_members(text, 0))


@given(objects, styles, st.lists(keys, min_size=1, max_size=3), scalars | st.lists(scalars, max_size=3))
def test_the_key_has_the_value_and_all_others_their_bytes(
    config: dict[str, Any], style: dict[str, Any], path: list[str], value: object
) -> None:
    text = json.dumps(config, **style)
    try:
        after = changed(text, tuple(path), value)
    except ValueRefused:
        return
    wanted = json.loads(text)
    place = wanted
    for key in path[:-1]:
        place[key] = {} if place.get(key) is None else place[key]
        place = place[key]
    place[path[-1]] = value
    assert json.loads(after) == wanted
    assert list(json.loads(after)) == list(wanted)
    for one, other in ((text, after), (after, text)):
        kept = {each.key: one[each.start : each.end] for each in members(one) if each.key != path[0]}
        assert kept.items() <= {each.key: other[each.start : each.end] for each in members(other)}.items()
    gone = removed(after, tuple(path))
    del place[path[-1]]
    assert json.loads(gone) == wanted
