"""The ledger read back: who failed is told apart from whom the study left out."""

from normwise.cli.cohort_ledger import failed_scans

LEDGER = """\
id\tgroup\tlabel\tstatus\tcode\treason
01\t01\tnormal\tincluded\tn/a\tn/a
02\t02\tnormal\texcluded\tCOH-209\tnot age >= 60
03\t03\tdementia\texcluded\tIMG-202\tthe "stream" is damaged
04\t04\tdementia\texcluded\tENG-201\ttook longer than 600 s
"""


def test_only_images_and_measurements_fail(tmp_path):
    (tmp_path / "cohort.tsv").write_text(LEDGER)
    assert failed_scans(tmp_path) == [
        ("03", "IMG-202", 'the "stream" is damaged'),
        ("04", "ENG-201", "took longer than 600 s"),
    ]


def test_a_run_without_a_ledger_has_no_failures(tmp_path):
    assert failed_scans(tmp_path) == []
