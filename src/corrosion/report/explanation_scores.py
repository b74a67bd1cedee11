"""How good maps are, as people and programs read it: tables, plain sentences, JSON."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from corrosion.evaluation.conclusions import conclusion
from corrosion.explanation.summary import LEVEL, LOWER_IS_BETTER, Scores
from corrosion.report.tables import TextTable, print_sentences, with_interval
from corrosion.system.files import write_json

_TABLES = (slice(4), slice(4, 6), slice(6, None))  # more measures would not fit into 80 characters

TITLES = {
    "pointing": "pointing game",
    "energy": "energy inside",
    "iou": "IoU",
    "ap": "pixel AP",
    "deletion": "deletion (less is better)",
    "deletion_blurred": "deletion, blurred (less is better)",
    "deletion_inpainted": "deletion, in-painted (less is better)",
    "insertion": "insertion",
    "road": "ROAD",
    "randomisation": "randomisation (less is better)",
    "emprt": "eMPRT",
}


def write_scores(out: Path, scores: Scores) -> Path:
    """Write scores.json.

    Returns:
        Its path.

    Raises:
        CorrosionError: the folder can't be written.
    """
    path = out / "scores.json"
    write_json(path, scores.as_dict())
    return path


def print_scores(scores: Scores) -> None:
    """Print the tables of each network and what is significant on standard output."""
    console = Console(soft_wrap=True)
    for network in scores.means:
        for table in scores_tables(scores, network):
            table.print(console)
    print_sentences(conclusions(scores))


def scores_tables(scores: Scores, network: str) -> list[TextTable]:
    """The means of a network's map and of the baselines, with intervals."""
    title = f"{network}: {scores.method} on {scores.count} photographs, {LEVEL:.0%} intervals"
    measures = scores.measures
    return [
        TextTable.of(
            title,
            ("map", *(TITLES[measure] for measure in shown)),
            (
                (name, *(with_interval(means[measure]) for measure in shown))
                for name, means in scores.means[network].items()
            ),
        )
        for shown in (measures[portion] for portion in _TABLES)
        if shown
    ]


def conclusions(scores: Scores) -> list[str]:
    """A sentence for each network and measure; of several networks, their rank on each measure."""
    lines = [
        f"{network}, {_against_baselines(scores, network, measure)}"
        for network in scores.means
        for measure in scores.measures
    ]
    if len(scores.means) > 1:
        between = scores.tests[scores.tests["network"] == ""]
        for measure in scores.measures:
            rank = ", ".join(scores.ranking(measure))
            told = conclusion(
                between,
                measure,
                title=TITLES[measure],
                higher_is_better=measure not in LOWER_IS_BETTER,
            )
            lines.append(f"Ranked by {TITLES[measure]}: {rank}. {told}")
    return lines


def _against_baselines(scores: Scores, network: str, measure: str) -> str:
    own = scores.tests[(scores.tests["network"] == network) & (scores.tests["metric"] == measure)]
    gain = own["difference"] * (-1 if measure in LOWER_IS_BETTER else 1)
    better = own["significant"] & (gain > 0)
    worse = own["significant"] & (gain < 0)
    parts = [
        f"{text} {', '.join(own.loc[rows, 'b'])}"
        for text, rows in (
            ("better than", better),
            ("worse than", worse),
            ("not to be told from", ~own["significant"]),
        )
        if rows.any()
    ]
    return f"{TITLES[measure]}: {scores.method} is {'; '.join(parts)}."
