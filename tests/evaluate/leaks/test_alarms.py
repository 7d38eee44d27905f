"""Planted leaks: each is alarmed, and a clean cohort is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from evaluated import COLUMNS, people, study_of
from normwise.evaluate import evaluate_study
from normwise.evaluate.leaks.duplicates import duplicate_images, stem_of
from normwise.evaluate.leaks.features import learnt_on_everybody
from normwise.schema import Study


def alarms_of(table: pd.DataFrame, folder: Path, **cohort: object) -> dict[str, str]:
    """Evaluate and return each alarm's code with its severity."""
    found = evaluate_study(study_of(folder, table, **cohort), folder / "run")
    return {alarm.code: alarm.severity for alarm in found.alarms}


def test_a_clean_cohort_raises_no_severe_alarm(tmp_path: Path) -> None:
    assert "severe" not in alarms_of(people(), tmp_path / "clean").values()


def test_a_site_that_is_the_label_is_alarmed(tmp_path: Path) -> None:
    table = people()
    table["site"] = np.where(np.arange(len(table)) % 12 < 2, "B", np.where(table["dx"] == "AD", "A", "B"))
    assert alarms_of(table, tmp_path / "site")["EVA-301"] == "severe"


def test_a_scanner_that_is_the_label_is_alarmed(tmp_path: Path) -> None:
    table = people().assign(Manufacturer=lambda each: np.where(each["dx"] == "AD", "one", "other"))
    assert alarms_of(table, tmp_path / "scanner")["EVA-302"] == "severe"


def test_a_label_that_is_age_is_alarmed(tmp_path: Path) -> None:
    table = people()
    table["f0"] = np.random.default_rng(1).normal(10, 3, len(table))
    table["Age"] += 8.0 * (table["dx"] == "AD")
    assert alarms_of(table, tmp_path / "age")["EVA-303"] == "severe"


def test_a_person_under_two_names_is_alarmed(tmp_path: Path) -> None:
    table = people()
    copies = table.iloc[:3].assign(ID=["q1x", "q2x", "q3x"])
    assert alarms_of(pd.concat([table, copies]), tmp_path / "copies")["EVA-305"] == "severe"


def test_sessions_taken_for_people_are_alarmed_until_the_person_is_named(tmp_path: Path) -> None:
    table = people()
    table["ID"] = [
        f"sub-{number // 4 * 2 + number % 2:03d}_ses-{number // 2 % 2}" for number in range(len(table))
    ]
    assert alarms_of(table, tmp_path / "split")["EVA-306"] == "severe"
    named = alarms_of(table, tmp_path / "named", group_pattern=r"^(sub-\d+)_", sessions="all")
    assert "EVA-306" not in named


def test_the_diagnosis_in_disguise_is_alarmed(tmp_path: Path) -> None:
    table = people().assign(f4=lambda each: (each["dx"] == "AD") + np.linspace(0, 0.5, len(each)))
    assert alarms_of(table, tmp_path / "mmse")["EVA-307"] == "severe"


def test_a_scaler_fitted_on_everybody_is_alarmed(tmp_path: Path) -> None:
    table = people()
    table[COLUMNS] = (table[COLUMNS] - table[COLUMNS].mean()) / table[COLUMNS].std(ddof=0)
    assert alarms_of(table, tmp_path / "scaled")["EVA-308"] == "severe"


def test_pairs_are_copies_where_both_files_are(tmp_path: Path) -> None:
    scans = [f"s{number}" for number in range(4)]
    for scan, voxels in zip(scans, (b"one", b"two", b"two", b"six"), strict=True):
        (tmp_path / f"{scan}.hdr").write_bytes(b"the same geometry")
        (tmp_path / f"{scan}.img").write_bytes(voxels)
    images = pd.Series({scan: str(tmp_path / f"{scan}.hdr") for scan in scans})
    labels = np.array(["normal", "AD"] * 2, dtype=object)
    prepared = SimpleNamespace(
        cohort=SimpleNamespace(images=images), groups=np.array(scans, dtype=object), labels=labels
    )
    [alarm] = duplicate_images(SimpleNamespace(prepared=prepared, ids=scans))  # type: ignore[arg-type]
    assert (alarm.code, alarm.severity) == ("EVA-304", "severe")
    assert "s1 = s2" in alarm.seen
    assert "s0" not in alarm.seen


def test_of_measured_images_the_columns_of_the_table_alone_are_looked_at() -> None:
    rng = np.random.default_rng(0)
    values = pd.DataFrame(rng.normal(size=(40, 3)), columns=["insula.mean", "nWBV", "eTIV"])
    further = ["nWBV", "eTIV"]

    def alarms(**features: list[str]) -> list[str]:
        study = Study.model_validate({"features": {"extractor": "regions", **features}})
        prepared = SimpleNamespace(study=study, features=SimpleNamespace(values=values))
        return [alarm.code for alarm in learnt_on_everybody(SimpleNamespace(prepared=prepared))]  # type: ignore[arg-type]

    assert alarms(also=further) == []
    values[further] = (values[further] - values[further].mean()) / values[further].std(ddof=0)
    assert alarms(also=further) == ["EVA-308"]
    assert alarms() == []


@pytest.mark.parametrize("scan", ["S1_01", "sub-07", "OAS1_0042"])
def test_an_id_without_a_session_is_its_own_stem(scan: str) -> None:
    assert stem_of(scan) == scan
