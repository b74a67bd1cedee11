"""Very many findings, kept small."""

from hypothesis import given
from hypothesis import strategies as st

from corrosion.report.inspection.finding import Finding
from corrosion.report.inspection.many_findings import ManyFindings
from corrosion.report.inspection.verdict_history import Verdict

SHARES = st.none() | st.floats(0, 1)
TEXTS = st.none() | st.text(st.characters())  # lone surrogates too, as in names that are no UTF-8
BOXES = st.tuples(*[st.integers(0, 2**40)] * 4)
FINDINGS = st.builds(
    Finding,
    number=st.integers(0, 10**9),
    path=st.text(st.characters()),
    probability=SHARES,
    review=st.booleans(),
    why_review=st.lists(st.text(), max_size=2).map(tuple),
    grades=st.dictionaries(st.text(), st.text(), max_size=2),
    boxes=st.lists(BOXES, max_size=3).map(tuple),
    worst_tile=st.none() | BOXES,
    error=TEXTS,
    sha256=TEXTS,
    verdict=st.none() | st.builds(Verdict, path=st.text(), verdict=st.text()),
)


@given(st.lists(FINDINGS, max_size=5))
def test_findings_come_back_as_they_were_given(findings):
    many = ManyFindings(iter(findings))
    assert list(many) == findings == many[:]
    assert [many[place] for place in range(-len(many), len(many))] == findings + findings
    assert len(many) == len(findings)
