"""What a benchmark gives: figures, each with its reference and its reach, and the table of them. A
figure out of reach makes the run fail, so a benchmark is a test of the promise as well."""

import statistics


class Figure:
    """`value` in `unit`; `reach` is the most it may be (the least with at_least), None for a number
    that is only shown; `reference` is what it is measured beside."""

    def __init__(self, name, value, unit, reach=None, reference="", at_least=False):
        self.name, self.value, self.unit = name, value, unit
        self.reach, self.reference, self.at_least = reach, reference, at_least

    @property
    def reached(self):
        if self.reach is None:
            return True
        return self.value >= self.reach if self.at_least else self.value <= self.reach

    def row(self):
        reach = ""
        if self.reach is not None:
            reach = f"{'>=' if self.at_least else '<='} {number(self.reach)} {self.unit}"
        return [self.name, f"{number(self.value)} {self.unit}", reach,
                "" if self.reach is None else "yes" if self.reached else "NO", self.reference]


def number(value):
    if isinstance(value, str) or value is None:
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def table(figures):
    rows = [["figure", "measured", "reach", "held", "beside it"]] + [f.row() for f in figures]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
             for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def quantile(values, share):
    """The smallest value that at least this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def median(values):
    return statistics.median(values)
