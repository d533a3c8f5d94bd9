# ruff: noqa: BLE001, F401, SIM118, UP
# Old Pythons run this, bitbake has its own mappings, and every error is an answer.
"""Parses layers with bitbake's own parser and prints what it expanded, as JSON: a program, for any bitbake.

Standard input is JSON: `jobs`, a list of build folders with `conf/bblayers.conf`, and whether this bitbake needs to be
taught the old syntax (`shim`). Nothing here may be newer than Python 3.5, which pyro had.
"""

import json
import logging
import os
import re
import sys
import types

KEEP = re.compile(r"[A-Z][A-Z0-9_]*|do_[a-z_]+|hal_[a-z_]+")


class Log(logging.Handler):
    """Keeps what bitbake says at warning or above."""

    def __init__(self):
        logging.Handler.__init__(self, logging.WARNING)
        self.said = []

    def emit(self, record):
        cause = ": " + str(record.exc_info[1]) if record.exc_info else ""
        self.said.append(record.levelname + ": " + record.getMessage() + cause)


def stand_in():
    """bb.cooker imports two services of bitbake's that PyPI's wheel leaves out, and that parsing has no use for."""
    try:
        import hashserv
    except ImportError:
        for name in ("hashserv", "hashserv.client", "prserv", "prserv.serv", "prserv.client"):
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__path__ = []


def teach_old_syntax():
    """bitbake 1.52 and later refuse `X_append`, and know no override behind `_`: the rule of 1.46, as a mapping.

    The three operators wherever they stand, then `_forcevariable`, the only override that a layer of ours writes.
    """
    import bb.data_smart

    def new(name):
        if name.startswith("__anon_"):
            return name
        return re.sub(r"_(append|prepend|remove|forcevariable)(?=_|$)", r":\1", name)

    store = bb.data_smart.DataSmart
    for method in ("setVar", "getVar", "setVarFlag", "getVarFlag", "appendVar", "prependVar"):
        real = getattr(store, method)

        def mapped(self, var, *words, _real=real, **more):
            return _real(self, new(var), *words, **more)

        setattr(store, method, mapped)


def settings():
    """What the command line would be, with nothing on it."""
    import bb.cookerdata

    found = bb.cookerdata.CookerConfiguration()
    found.env = {"PATH": os.environ["PATH"]}
    for name in ("prefile", "postfile"):
        setattr(found, name, [])
    return found


def parse(folder):
    """Every recipe of this build, with its appends: its name, and the variables, flags and expanded values."""
    import bb.cache
    import bb.cooker
    import bb.cookerdata

    os.chdir(folder)
    os.environ["BBPATH"] = folder
    builder = bb.cookerdata.CookerDataBuilder(settings())
    builder.data.setVar("BBPATH", folder)
    builder.parseBaseConfiguration()
    data = builder.data
    cooker = types.SimpleNamespace(data=data)
    bb.cooker.BBCooker.handleCollections(cooker, data.getVar("BBFILE_COLLECTIONS", True))
    found = bb.cooker.CookerCollectFiles(cooker.bbfile_config_priorities)
    recipes = found.collect_bbfiles(data, data)[0]
    told, used = {}, set()
    for recipe in recipes:
        appends = list(found.get_file_appends(recipe))
        used.update(appends)
        full = load(builder, recipe, appends)
        plain = without_appends(builder, recipe) if appends else None
        told[full.getVar("PN", True)] = describe(full, None if plain is None else plain | set(data.keys()), appends)
    for _, append in found.bbappends:
        if append not in used:
            raise ValueError("no recipe for " + append)
    return {"configuration": variables(data), "recipes": told}


PLAIN = {}


def without_appends(builder, recipe):
    """The names that a recipe of the base knows; many builds stand on one base, so each is parsed once."""
    if recipe not in PLAIN:
        PLAIN[recipe] = set(load(builder, recipe, []).keys())
    return PLAIN[recipe]


def load(builder, recipe, appends):
    import bb.cache

    if hasattr(builder, "parseRecipe"):
        return builder.parseRecipe(recipe, appends, "")
    return bb.cache.NoCache(builder).loadDataFull(recipe, appends)


def variables(data):
    return {name: str(data.getVar(name, True)) for name in data.keys() if KEEP.fullmatch(name) and shown(data, name)}


def shown(data, name):
    return data.getVar(name, False) is not None and not data.getVarFlag(name, "python", False)


def describe(data, plain, appends):
    flags = {}
    for name in data.keys():
        for flag, value in (data.getVarFlags(name) or {}).items():
            if flag in ("depends", "postfuncs", "noexec") or name == "BALENA_CONFIGS":
                flags[name + "[" + flag + "]"] = str(value)
    new = [] if plain is None else sorted(name for name in set(data.keys()) - plain if not name.startswith("__"))
    return {"variables": variables(data), "flags": flags, "new": new, "appends": appends}


def forget():
    """What bitbake keeps between builds in one process."""
    import bb.event

    for name in ("_handlers", "_catchall_handlers"):
        kept = getattr(bb.event, name, None)
        if kept is not None:
            kept.clear()


def main():
    """One answer a job: what was parsed, or the error; and what was said meanwhile."""
    asked = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import bb

    stand_in()
    if asked["shim"]:
        teach_old_syntax()
    log = Log()
    logging.getLogger("BitBake").addHandler(log)
    logging.getLogger("BitBake").propagate = False
    for folder in asked["jobs"]:
        log.said = []
        answer = {}
        try:
            answer = parse(folder)
        except (Exception, SystemExit) as error:
            log.said.append(type(error).__name__ + ": " + str(error))
        forget()
        answer["said"] = log.said
        answer["version"] = bb.__version__
        json.dump(answer, out)
        out.write("\n")
    out.flush()


main()
