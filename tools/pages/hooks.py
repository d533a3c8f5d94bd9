"""hooks.md: `hal/hookspecs.py` as the manual, then what the answers must do, then the data they are made of."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from enum import Enum
from typing import Any, get_args, get_type_hints

import attrs

from hal import hookspecs, model, protocols
from hal.root import Root
from tools.pages.markdown import code, page, table


def write() -> str:
    hooks = [hook for hook in vars(hookspecs).values() if hasattr(hook, "hal_spec")]
    kinds = [value for value in vars(protocols).values() if inspect.isclass(value) and is_own(value, protocols)]
    crossing = crossing_classes(hooks, kinds)
    return page(
        "Hooks",
        inspect.cleandoc(hookspecs.__doc__ or ""),
        "## The hooks at a glance",
        table(("Hook", "Answers", "Where several plugins answer"), (glance(hook) for hook in hooks)),
        "## Each hook",
        *(part for hook in hooks for part in hook_parts(hook)),
        "## What a capability object must do",
        inspect.cleandoc(protocols.__doc__ or ""),
        *(part for kind in kinds for part in protocol_parts(kind)),
        "## The data that crosses hooks",
        inspect.cleandoc(model.__doc__ or ""),
        "### Closed sets",
        "Each is a `StrEnum` of `hal.model`: a member is equal to its text.",
        enum_table([kind for kind in crossing if issubclass(kind, Enum)]),
        *(part for kind in crossing if attrs.has(kind) for part in class_parts(kind)),
    )


def is_own(kind: type, module: object) -> bool:
    return kind.__module__ == getattr(module, "__name__", None)


def joining(hook: Callable[..., Any]) -> str:
    first: bool = hook.hal_spec["firstresult"]  # type: ignore[attr-defined]
    return "the first answer that is not `None` counts" if first else "all answers are joined"


def glance(hook: Callable[..., Any]) -> tuple[str, str, str]:
    summary = (hook.__doc__ or "").partition("\n")[0].partition(". ")[0].rstrip(".")
    return f"[`{hook.__name__}`](#{hook.__name__})", summary, joining(hook)


def signature(function: Callable[..., Any], name: str) -> str:
    """As it stands in the file: annotations are kept as they are written."""
    words: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in words:
            words.append("*")
        default = "" if parameter.default is parameter.empty else f" = {literal(parameter.default)}"
        words.append(f"{parameter.name}: {parameter.annotation}{default}")
    return f"{name}({', '.join(words)}) -> {function.__annotations__['return']}"


def literal(value: object) -> str:
    return f"{type(value).__name__}.{value.name}" if isinstance(value, Enum) else repr(value)


def hook_parts(hook: Callable[..., Any]) -> Iterator[str]:
    yield f"### {hook.__name__}"
    yield f"```python\ndef {signature(hook, hook.__name__)}: ...\n```"
    yield f"*Where several plugins answer, {joining(hook)}.*"
    yield inspect.getdoc(hook) or ""


def protocol_parts(kind: type) -> Iterator[str]:
    bases = [base.__name__ for base in kind.__mro__[1:] if is_own(base, protocols)]
    yield f"### {kind.__name__}"
    yield (inspect.getdoc(kind) or "") + "".join(f" It does everything `{base}` does, and:" for base in bases)
    rows = []
    for name, value in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(value, property) and value.fget:
            rows.append((code(f"{name}: {value.fget.__annotations__['return']}"), inspect.getdoc(value)))
        elif inspect.isfunction(value):
            rows.append((code(signature(value, name)), inspect.getdoc(value)))
    yield table(("Member", "What it does"), rows)


def crossing_classes(hooks: Iterable[Any], kinds: Iterable[type]) -> list[type]:
    """Every class of `hal.model` that a hook or protocol takes or answers, through any depth, in file order."""
    found: set[type] = set()
    names = {**model.names(), **vars(protocols), "Root": Root, "datetime": datetime}

    def visit(hint: Any) -> None:
        for part in get_args(hint):
            visit(part)
        if isinstance(hint, type) and hint.__module__.startswith("hal.model.") and hint not in found:
            found.add(hint)
            for field in get_type_hints(hint, localns=names).values() if attrs.has(hint) else ():
                visit(field)

    functions = [value for kind in kinds for value in vars(kind).values()]
    for function in (*hooks, *functions):
        function = function.fget if isinstance(function, property) else function
        for hint in get_type_hints(function, localns=names).values() if inspect.isfunction(function) else ():
            visit(hint)
    return [kind for kind in model.names().values() if isinstance(kind, type) and kind in found]


def remarks(kind: type) -> dict[str, tuple[str, str]]:
    """Of each field or member of a class: its type as written, and the text that stands below it."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, tuple[str, str]] = {}
    last = ""
    for statement in definition.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            last = statement.target.id
            found[last] = ast.unparse(statement.annotation), ""
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            last = statement.targets[0].id
            found[last] = "", ""
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and last:
            found[last] = found[last][0], str(statement.value.value)
    return found


def enum_table(kinds: Iterable[type[Enum]]) -> str:
    rows = []
    for kind in kinds:
        texts = remarks(kind)
        values = (f"{code(member.value)} ({texts[member.name][1].rstrip('.')})" for member in kind)
        rows.append((code(kind.__name__), inspect.getdoc(kind), ", ".join(values).replace(" ()", "")))
    return table(("Set", "What it is", "Values"), rows)


def class_parts(kind: Any) -> Iterator[str]:
    yield f"### {kind.__name__}"
    yield inspect.getdoc(kind) or ""
    texts = remarks(kind)
    rows = []
    for field in attrs.fields(kind):
        written, text = texts[field.name]
        default = "needed" if field.default is attrs.NOTHING else code(literal(field.default))
        rows.append((code(field.name), code(written), default, text))
    columns = ("Field", "Type", "Default", "Meaning")
    width = 4 if any(row[3] for row in rows) else 3
    yield table(columns[:width], [row[:width] for row in rows])
