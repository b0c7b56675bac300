# SPDX-License-Identifier: BSD-2-Clause
"""Which configurations `make regress` builds: configs/, a pairwise cover of all placements, random ones.

Everything is computed from Kconfig, so that no driver can be missed. A placement is {symbol: y, m or n} of
every driver and of MOVABLE_DRIVERS, as a fragment over phase 2; one that Kconfig would change is not made.
"""
import itertools
import os
import random
import re
import sys
from dataclasses import dataclass

try:
    import kconfiglib
except ImportError:
    sys.exit('python3-kconfiglib is missing: run "make setup", which installs what Eft needs')

BASE = "phase2"
MOVABLE = "MOVABLE_DRIVERS"
ORDER = ("phase1", "phase2", "phase2-fixed", "phase3", "phase3-fixed", "all-kernel", "all-user", "minimal")
CONFIG, FRAGMENT, RANDCONFIG = "config", "fragment", "randconfig"  # kinds of a row


@dataclass
class Configuration:
    """One row of the table, and how to make it anew."""

    name: str
    kind: str           # CONFIG: configs/NAME_defconfig; FRAGMENT: `text`; RANDCONFIG: kconfig-conf with `seed`
    text: str           # what is asked of Kconfig
    arguments: str      # of `make regress`, for this row
    seed: int = None    # of what is random


class Kconfig:
    """The tree's Kconfig, and what it makes of a placement."""

    def __init__(self, tree):
        self.tree = tree
        os.environ["srctree"] = tree
        os.environ.pop("CONFIG_", None)
        try:
            self.kconfig = kconfiglib.Kconfig(os.path.join(tree, "Kconfig"), warn=False)
        except kconfiglib.KconfigError as error:
            sys.exit(f"{' '.join(str(error).split())}; correct that line")
        if "USER_DRIVERS" in self.kconfig.syms:  # "option modules"; kconfiglib knows MODULES only
            self.kconfig.modules = self.kconfig.syms["USER_DRIVERS"]
        symbols = self.kconfig.unique_defined_syms
        self.drivers = [symbol.name for symbol in symbols if symbol.name.startswith("DRIVER_")]
        self.factors = {name: self._values(name) for name in self.drivers}
        if MOVABLE in self.kconfig.syms:
            self.factors[MOVABLE] = ("y", "n")
        self.base = self.defconfig(BASE)
        self._needed = {name: self._references(name) for name in self.factors}
        self._known = {}
        self._load(self.base)

    def _values(self, name):
        return ("y", "m", "n") if self.kconfig.syms[name].orig_type == kconfiglib.TRISTATE else ("y", "n")

    def _references(self, name):
        """The factors whose value can matter to this one's, itself included."""
        found, waiting = set(), [name]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                symbol = self.kconfig.syms[name]
                for expression in (symbol.direct_dep, symbol.rev_dep, symbol.weak_rev_dep):
                    waiting += [item.name for item in kconfiglib.expr_items(expression) if item.name in self.factors]
        return found

    def configs(self):
        """Names of configs/, the phases first."""
        names = sorted(name[:-len("_defconfig")] for name in os.listdir(os.path.join(self.tree, "configs"))
                       if name.endswith("_defconfig"))
        return [name for name in ORDER if name in names] + [name for name in names if name not in ORDER]

    def defconfig(self, name):
        with open(os.path.join(self.tree, "configs", name + "_defconfig"), encoding="utf-8") as file:
            return file.read()

    def _load(self, text):
        self.kconfig.unset_values()
        for name, value in re.findall(r"^CONFIG_(\w+)=(.*)$", text, re.M):
            if name in self.kconfig.syms:
                self.kconfig.syms[name].set_value(value.strip('"'))
        for name in re.findall(r"^# CONFIG_(\w+) is not set$", text, re.M):
            if name in self.kconfig.syms:
                self.kconfig.syms[name].set_value("n")

    def content(self, text):
        """What a configuration comes to, but for its name: equal content, equal image."""
        self._load(text)
        values = tuple((symbol.name, symbol.str_value) for symbol in self.kconfig.unique_defined_syms
                       if symbol.name != "CONFIGURATION")
        self._load(self.base)
        return values

    def _stands(self, placement):
        """Whether Kconfig leaves all of it as it is."""
        for name, value in placement.items():
            self.kconfig.syms[name].set_value(value)
        return all(self.kconfig.syms[name].str_value == value for name, value in placement.items())

    def possible(self, placement):
        """Whether some configuration has these values, whatever the other factors must be for it."""
        key = frozenset(placement.items())
        if key not in self._known:
            needed = set().union(*(self._needed[name] for name in placement)) if placement else set()
            free = [name for name in self.factors if name in needed and name not in placement]
            self._known[key] = any(
                self._stands({**dict(zip(free, values)), **placement})
                for values in itertools.product(*(self.factors[name] for name in free)))
        return self._known[key]

    def pairs(self):
        """Every pair of values of two factors that some configuration has."""
        return [frozenset(pair) for a, b in itertools.combinations(self.factors, 2)
                for pair in itertools.product([(a, value) for value in self.factors[a]],
                                              [(b, value) for value in self.factors[b]])
                if self.possible(dict(pair))]

    def pairwise(self):
        """Placements that together have every possible pair; always the same ones for the same Kconfig."""
        missing = dict.fromkeys(self.pairs())
        found = []
        while missing:
            placement = dict(next(iter(missing)))
            for name in self.factors:
                if name not in placement:
                    choices = [value for value in self.factors[name] if self.possible({**placement, name: value})]
                    placement[name] = max(choices, key=lambda value: sum(
                        frozenset(((name, value), other)) in missing for other in placement.items()))
            for pair in itertools.combinations(placement.items(), 2):
                missing.pop(frozenset(pair), None)
            found.append({name: placement[name] for name in self.factors})
        return found

    def random(self, seed):
        """A placement by chance: the same for the same seed."""
        chance, placement = random.Random(seed), {}
        for name in self.factors:
            placement[name] = chance.choice([value for value in self.factors[name]
                                             if self.possible({**placement, name: value})])
        return placement

    def fragment(self, name, placement):
        """Text of a configuration: phase 2 with these values, named so."""
        values = {"CONFIGURATION": f'"{name}"', **placement}
        kept = [line for line in self.base.splitlines()
                if not any(f"CONFIG_{symbol}" in line.replace("=", " ").split() for symbol in values)]
        return "\n".join([*kept, *(f"# CONFIG_{symbol} is not set" if value == "n" else f"CONFIG_{symbol}={value}"
                                   for symbol, value in values.items())]) + "\n"


def _short(placement):
    """ahci=m movable=y ...: what a row's name stands for."""
    return " ".join(f"{name.removeprefix('DRIVER_').removesuffix('_DRIVERS').lower()}={value}"
                    for name, value in placement.items())


class Matrix:
    """What CONFIG= and SEED= can name."""

    def __init__(self, tree):
        self.kconfig = Kconfig(tree)

    def _fragment(self, name, placement, arguments, seed=None):
        text = f"# {_short(placement)}\n" + self.kconfig.fragment(name, placement)
        return Configuration(name, FRAGMENT, text, arguments, seed)

    def configs(self, names=None):
        return [Configuration(name, CONFIG, self.kconfig.defconfig(name), f"CONFIG={name}")
                for name in names or self.kconfig.configs()]

    def pairwise(self):
        return [self._fragment(f"pairwise-{number}", placement, f"CONFIG=pairwise-{number}")
                for number, placement in enumerate(self.kconfig.pairwise(), 1)]

    def random(self, seeds):
        return [self._fragment(f"random-{seed}", self.kconfig.random(seed), f"CONFIG=random SEED={seed}", seed)
                for seed in seeds]

    @staticmethod
    def randconfig(seeds):
        return [Configuration(f"randconfig-{seed}", RANDCONFIG, "", f"CONFIG=randconfig SEED={seed}", seed)
                for seed in seeds]

    def chosen(self, words, seeds, build_seeds):
        """The configurations that `words` of CONFIG= name; SystemExit says which of them means nothing."""
        pairwise, found = self.pairwise(), []
        for word in words:
            if word == "all":
                found += self.configs() + pairwise + self.random(seeds) + self.randconfig(build_seeds)
            elif word == "pairwise":
                found += pairwise
            elif word == "random":
                found += self.random(seeds)
            elif word == "randconfig":
                found += self.randconfig(build_seeds)
            elif word in self.kconfig.configs():
                found += self.configs([word])
            elif any(row.name == word for row in pairwise):
                found += [row for row in pairwise if row.name == word]
            else:
                sys.exit(f"no configuration '{word}'; CONFIG= takes: all {' '.join(self.kconfig.configs())} "
                         f"pairwise pairwise-1 to pairwise-{len(pairwise)} random randconfig (these two with SEED=N)")
        return list({row.name: row for row in found}.values())
