"""Makers and models: what scanners write stays as it is, and nothing else passes."""

from __future__ import annotations

import pytest

from normwise.images.dicom.equipment import known_manufacturer, known_model


@pytest.mark.parametrize(
    "text",
    ["SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems", "Philips Healthcare", "TOSHIBA_MEC", "UIH",
     "Siemens HealthCare GmbH", "Siemens Healthineers", "Hyperfine, Inc"],
)  # fmt: skip
def test_makers_stay_as_they_are(text):
    assert known_manufacturer(text) == text


@pytest.mark.parametrize(
    "text",
    ["Prisma_fit", "MAGNETOM Vida Fit", "TrioTim", "DISCOVERY MR750w", "SIGNA Premier", "Signa HDxt",
     "Achieva dStream", "Ingenia Elition X", "uMR 790", "Biograph_mMR",
     "MAGNETOM Free.Max", "Swoop", "Titan 3T"],
)  # fmt: skip
def test_models_stay_as_they_are(text):
    assert known_model(text) == text


@pytest.mark.parametrize(
    ("text", "maker", "model"),
    [
        ("Jane Doe", "", ""),
        ("1951", "", ""),
        ("Zorblax, room 5", "", ""),
        ("SIEMENS Zorblax", "SIEMENS", ""),
        ("Prisma Zorblax 19510203", "", "Prisma"),
        ("Prisma\nZorblax", "", "Prisma"),
        ("SIEMENS" + " SIEMENS" * 50, "SIEMENS", ""),
        ("Prisma 750 750", "", "Prisma 750 750"),
        ("", "", ""),
    ],
)
def test_nothing_else_passes(text, maker, model):
    assert known_manufacturer(text) == maker
    assert known_model(text) == model
