"""Tables and figures for a paper: booktabs tables, figures as PDF and SVG."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from corrosion.report.tables import TextTable
from corrosion.report.training_curves import write_figure
from corrosion.system.files import write_text

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "`": r"\textasciigrave{}",
    '"': r"\textquotedbl{}",
    "–": "--",
    "—": "---",
    "×": r"$\times$",
    "\n": " ",
}
_LAST_LATIN = "\u017f"  # what T1 fonts and LaTeX's own tables of characters go to, about
_PUNCTUATION = "‘’“”„…•€"
_HEAD = r"""% Needs \usepackage[T1]{fontenc}, \usepackage{booktabs} and \usepackage{graphicx}.
% Characters beyond Latin ones: by their number with pdfLaTeX, as they are with Xe- and LuaLaTeX.
\providecommand{\othercharacter}[1]{\ifdefined\Umathchar\symbol{"#1}\else\texttt{U+#1}\fi}
"""


def write_latex(
    directory: Path, tables: Sequence[TextTable], figures: Mapping[str, Figure]
) -> None:
    """Write tables.tex, and figures/*.pdf and *.svg.

    Args:
        directory: folder.
        tables: tables, in their order.
        figures: figures by the names of their files.

    Raises:
        CorrosionError: the folder can't be written.
    """
    write_text(directory / "tables.tex", _HEAD + "\n".join(map(latex_table, tables)))
    for name, figure in figures.items():
        for suffix in ("pdf", "svg"):
            write_figure(directory / "figures" / f"{name}.{suffix}", figure)


def latex_table(table: TextTable) -> str:
    r"""A table with the rules of booktabs, no wider than the text; no vertical rule.

    Lines of a cell stand side by side, an interval in brackets behind its value.

    Example:
        >>> table = TextTable.of("Share, %", ("", "a_1"), [("x", "0.95\n0.90 – 0.98")])
        >>> print(latex_table(table))
        \begin{table}
          \centering
          \caption{Share, \%}
          \resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}{%
          \begin{tabular}{lr}
            \toprule
             & a\_1 \\
            \midrule
            x & 0.95 (0.90 -- 0.98) \\
            \bottomrule
          \end{tabular}}
        \end{table}
        <BLANKLINE>
    """
    figures = len(table.columns) - table.names
    rows = [_row(table.columns), r"\midrule", *map(_row, table.rows)]
    body = "\n".join(f"    {row}" for row in (r"\toprule", *rows, r"\bottomrule"))
    return (
        "\\begin{table}\n"
        "  \\centering\n"
        f"  \\caption{{{escaped(_caption(table.title))}}}\n"
        "  \\resizebox{\\ifdim\\width>\\textwidth\\textwidth\\else\\width\\fi}{!}{%\n"
        f"  \\begin{{tabular}}{{{'l' * table.names}{'r' * figures}}}\n"
        f"{body}\n"
        "  \\end{tabular}}\n"
        "\\end{table}\n"
    )


def escaped(text: str) -> str:
    r"""Text in which LaTeX finds no command; signs of numbers are those of mathematics.

    Example:
        >>> escaped("model.lr=0.1 & 95% {a_b}")
        'model.lr=0.1 \\& 95\\% \\{a\\_b\\}'
        >>> escaped("-0.0312"), escaped("+0.0312")
        ('$-$0.0312', '$+$0.0312')
    """
    # two hyphens in a row are a dash to LaTeX
    found = "{}".join("".join(map(_character, part)) for part in re.split("(?<=-)(?=-)", text))
    for sign in "-+":
        if text.startswith(sign) and text[1:2].isdigit():
            return f"${sign}${found[1:]}"
    return found


def _caption(title: str) -> str:
    return title.replace("interval below", "interval in brackets")


def _character(character: str) -> str:
    """A character as LaTeX prints it."""
    if character in _ESCAPED:
        return _ESCAPED[character]
    if character <= _LAST_LATIN or character in _PUNCTUATION:
        return character
    return rf"\othercharacter{{{ord(character):04X}}}"


def _row(cells: Sequence[str]) -> str:
    row = " & ".join(map(_cell, cells)) + r" \\"
    # behind the end of a row, and behind a rule, these would be an option of it
    return "{}" + row if row.startswith(("[", "*", "(")) else row


def _cell(text: str) -> str:
    value, *others = text.split("\n")
    if not others:
        return " -- ".join(map(escaped, text.split(" – ")))
    ends = " -- ".join(escaped(end) for end in ", ".join(others).split(" – "))
    return f"{escaped(value)} ({ends})"
