"""A reference, or counts, as a file: one JSON text that a person can read, the same for equal sums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from normwise.errors import NormalizerError
from normwise.files import content_digest, write_text
from normwise.normalize.design import Category, Number
from normwise.normalize.reference.counts import LAST_STEP, NormalCounts
from normwise.normalize.reference.reference import Measurement, Reference
from normwise.normalize.reference.site_sums import SiteSums
from normwise.normalize.reference.sums import NormalSums, raw_titles
from normwise.schema import check_parts

__all__ = ["digest_of", "digest_of_sums", "read_reference", "read_sums", "write_reference"]

FORMAT, COUNTS, VERSION = "normwise reference", "normwise counts", 1
_CAP = 1 << 30  # 1 GiB: 300,000 features take some 60 MiB
_LARGEST = 1 << 200  # sums of 2**62 squared over 2**76 people

Whole = Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)]
Finite = Annotated[float, Field(ge=-1e120, le=1e120)]
Text = Annotated[str, Field(max_length=10_000)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Number(_Entry):
    name: Text
    low: Finite
    high: Finite
    knots: list[Finite]


class _Category(_Entry):
    name: Text
    levels: Annotated[list[Text], Field(min_length=1)]


class _Feature(_Entry):
    name: Text
    unit: Text
    square: Whole
    products: list[Whole]


class _Measured(_Entry):
    extractor: Text
    extraction: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    settings: dict[str, Any]


class _Counted(_Entry):
    name: Text
    first: Annotated[int, Field(ge=-LAST_STEP, le=LAST_STEP)]
    counts: Annotated[list[Annotated[int, Field(ge=0, le=1 << 48)]], Field(max_length=2 * LAST_STEP + 1)]


class _Tails(_Entry):
    form: Literal["sinh_arcsinh", "auto"]
    normals: Annotated[int, Field(ge=1, le=1 << 48)]
    grid: Literal["2^-5"]


class _CountsFile(_Entry):
    format: Literal["normwise counts"]
    version: Literal[1]
    norm: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    tails: _Tails
    counts: Annotated[list[_Counted], Field(min_length=1)]


class _SiteFeature(_Entry):
    square: Whole
    products: list[Whole]


class _Site(_Entry):
    name: Text
    design: list[list[Whole]]
    features: list[_SiteFeature]


class _SiteColumn(_Entry):
    column: Text
    unseen: Literal["refuse", "pooled", "predict", "own_normals"]


class _File(_Entry):
    format: Literal["normwise reference"]
    version: Literal[1]
    normals: Annotated[int, Field(ge=1)]
    grid: Literal["2^-24"]
    measured: _Measured
    demographics: list[_Number | _Category]
    interactions: list[Annotated[list[Text], Field(min_length=2, max_length=2)]]
    columns: list[Text]
    design: list[list[Whole]]
    features: Annotated[list[_Feature], Field(min_length=1)]
    tails: _Tails | None = None
    counts: list[_Counted] | None = None
    site: _SiteColumn | None = None
    sites: Annotated[list[_Site], Field(min_length=1)] | None = None


def write_reference(reference: Reference | NormalCounts, path: str | Path) -> Path:
    """Write a reference or counts, whole or not at all.

    Parameters
    ----------
    reference : Reference or NormalCounts
        Sums of one hospital, or of many.
    path : path
        The file.

    Returns
    -------
    Path
        The file.
    """
    content = _content(reference)
    content["digest"] = content_digest(content)
    lines = []
    for key, value in content.items():
        rows = isinstance(value, list) and bool(value) and not isinstance(value[0], str)
        inner = ",\n".join(map(_text, value)) if rows else ""
        lines.append(f"{_text(key)}: " + (f"[\n{inner}\n]" if rows else _text(value)))
    write_text(Path(path), "{\n" + ",\n".join(lines) + "\n}\n")
    return Path(path)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=isinstance(value, dict))


def _content(reference: Reference | NormalCounts) -> dict[str, Any]:
    if isinstance(reference, NormalCounts):
        return {"format": COUNTS, "version": VERSION, "norm": reference.norm, **_counted(reference)}
    sums, measured = reference.sums, reference.measurement
    titles = raw_titles(sums.parts, sums.interactions)
    per_feature = zip(
        reference.features, reference.units, sums.squares.tolist(), sums.products.T.tolist(), strict=True
    )
    return {
        "format": FORMAT,
        "version": VERSION,
        "normals": sums.n_people,
        "grid": "2^-24",
        "measured": {
            "extractor": measured.extractor, "extraction": measured.hash, "settings": dict(measured.settings),
        },
        "demographics": [
            {"name": part.name, "levels": list(part.levels)}
            if isinstance(part, Category)
            else {"name": part.name, "low": part.low, "high": part.high, "knots": list(part.knots)}
            for part in sums.parts
        ],
        "interactions": [list(pair) for pair in sums.interactions],
        "columns": _column_names(titles),
        "design": _triangle(sums),
        "features": [
            {"name": name, "unit": unit, "square": square, "products": products}
            for name, unit, square, products in per_feature
        ],
        **({} if reference.tails is None else _counted(reference.tails)),
        **({} if reference.sites is None else _by_site(reference.sites)),
    }  # fmt: skip


def _triangle(sums: NormalSums) -> list[list[int]]:
    return [row[: place + 1] for place, row in enumerate(sums.design.tolist())]


def _by_site(sites: SiteSums) -> dict[str, Any]:
    """Return the sums of each site, in the columns of everybody's."""
    rows = [
        {
            "name": name,
            "design": _triangle(sums),
            "features": [
                {"square": square, "products": products}
                for square, products in zip(sums.squares.tolist(), sums.products.T.tolist(), strict=True)
            ],
        }
        for name, sums in sites.by_site.items()
    ]
    return {"site": {"column": sites.column, "unseen": sites.unseen}, "sites": rows}


def _counted(counts: NormalCounts) -> dict[str, Any]:
    rows = []
    for name, own in zip(counts.features, counts.counts.T, strict=True):
        there = np.flatnonzero(own)
        first, last = (int(there[0]), int(there[-1])) if len(there) else (LAST_STEP, -1)
        rows.append({"name": name, "first": first - LAST_STEP, "counts": own[first : last + 1].tolist()})
    return {"tails": {"form": counts.form, "normals": counts.n_normals, "grid": "2^-5"}, "counts": rows}


def _column_names(titles: Sequence[tuple[tuple[str, str], ...]]) -> list[str]:
    return [
        ":".join(label if label.startswith(name) else f"{name}={label}" for name, label in title)
        or "constant"
        for title in titles
    ]


def digest_of_sums(reference: Reference) -> str:
    """Return the SHA-256 of a reference without its tails: that of the sums by which W is."""
    return content_digest(_content(replace(reference, tails=None)))


def digest_of(part: Reference | NormalCounts) -> str:
    """Return the SHA-256 that the file of a reference or of counts carries."""
    return content_digest(_content(part))


def read_reference(path: str | Path) -> Reference:
    """Read a reference that `write_reference` wrote; each part is checked.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    NormalizerError
        NRM-401 for a file that is no reference, or was changed; NRM-402 for one whose parts no people have.

    Examples
    --------
    >>> read_reference("nowhere.json")
    Traceback (most recent call last):
    ...
    normwise.errors.NormalizerError: NRM-401  nowhere.json: there is no reference here.
             expected  a file that normwise reference, collect or merge wrote
             do        check the path
    """
    part = read_sums(path)
    if isinstance(part, NormalCounts):
        raise NormalizerError(
            "NRM-401",
            "the file holds counts of W, and no reference.",
            subject=str(path),
            expected="a file that normwise reference or merge wrote",
            advice="normwise merge REFERENCE COUNTS… --out FILE makes a reference of both",
        )
    return part


def read_sums(path: str | Path) -> Reference | NormalCounts:
    """Read what `write_reference` wrote: a reference, or counts.

    Parameters
    ----------
    path : path
        The file.

    Raises
    ------
    NormalizerError
        As `read_reference`.
    """
    place = Path(path)
    if not place.is_file():
        raise NormalizerError(
            "NRM-401",
            "there is no reference here.",
            subject=str(path),
            expected="a file that normwise reference, collect or merge wrote",
            advice="check the path",
        )
    state = place.stat()
    return _read(place.absolute(), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=4)  # every fold of a cross-validation asks for it
def _read(path: Path, _changed: int, size: int) -> Reference | NormalCounts:
    if size > _CAP:
        raise _unreadable(path, f"{size} bytes, over the cap of {_CAP}")
    try:
        content = json.loads(path.read_bytes())
        digest = content.pop("digest")
        found = content_digest(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise _unreadable(path, f"{type(fault).__name__}: {fault}") from fault
    if content.get("format") in (FORMAT, COUNTS) and content.get("version") != VERSION:
        raise _unreadable(path, f"version {content.get('version')!r} of the format, not {VERSION}")
    if digest != found:
        raise _unreadable(path, "a content that does not match its digest: it was changed, or cut")
    try:
        if content.get("format") == COUNTS:
            return _build_counts(_CountsFile.model_validate(content))
        return _build(_File.model_validate(content))
    except ValidationError as fault:
        first = fault.errors(include_url=False)[0]
        seen = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, IndexError, TypeError, OverflowError) as fault:
        seen = (str(fault).splitlines() or [type(fault).__name__])[0]
    raise NormalizerError(
        "NRM-402",
        "a part of the file is not what sums over people are.",
        subject=str(path),
        seen=seen[:200],
        advice="do not use this file; ask for it again where it was made",
    )


def _build(file: _File) -> Reference:
    parts = tuple(
        Category(each.name, tuple(each.levels))
        if isinstance(each, _Category)
        else Number(each.name, each.low, each.high, each.low, tuple(each.knots))
        for each in file.demographics
    )
    pairs = tuple((pair[0], pair[1]) for pair in file.interactions)
    if not {name for pair in pairs for name in pair} <= {part.name for part in parts}:
        raise ValueError("interactions of other demographics")
    sums, sites = _sums(parts, pairs, file.design, file.features), None
    if (file.site is None) != (file.sites is None):
        raise ValueError("sites without their column, or a column of sites without them")
    if file.site is not None and file.sites is not None:
        by_site = {each.name: _sums(parts, pairs, each.design, each.features) for each in file.sites}
        if len(by_site) < len(file.sites):
            raise ValueError("a site twice")
        if any(each.squares.shape != sums.squares.shape for each in by_site.values()):
            raise ValueError("a site with other features")
        sites = SiteSums(file.site.column, file.site.unseen, by_site)
    measured = file.measured
    reference = Reference(
        tuple(each.name for each in file.features),
        tuple(each.unit for each in file.features),
        Measurement(measured.extractor, measured.extraction, measured.settings),
        sums,
        sites=sites,
    )
    if (file.tails is None) != (file.counts is None):
        raise ValueError("tails without counts, or counts without tails")
    if file.tails is not None and file.counts is not None:
        counts = _counts(digest_of_sums(reference), file.tails, file.counts)
        reference = replace(reference, tails=counts)
    check_parts(reference, allowed=Reference)
    same = sums.n_people == file.normals and _column_names(raw_titles(parts, pairs)) == file.columns
    if not same:
        raise ValueError("a number of normals, or columns, that are not those of the sums")
    if reference.tails is not None:
        regression = replace(reference, tails=None).fitted[1]
        reference.tails.check_norm(regression, at_sites=sites is not None)
    return reference


def _sums(
    parts: tuple[Number | Category, ...],
    pairs: tuple[tuple[str, str], ...],
    triangle: Sequence[Sequence[int]],
    features: Sequence[_Feature | _SiteFeature],
) -> NormalSums:
    width = len(raw_titles(parts, pairs))
    lengths = [len(row) for row in triangle]
    if lengths != list(range(1, width + 1)) or any(len(each.products) != width for each in features):
        raise ValueError(f"sums that are not of {width} columns")
    design = np.zeros((width, width), dtype=object)
    for place, row in enumerate(triangle):
        design[place, : place + 1] = design[: place + 1, place] = row
    products = np.array([each.products for each in features], dtype=object).T
    squares = np.array([each.square for each in features], dtype=object)
    return NormalSums(parts, pairs, design, products, squares)


def _build_counts(file: _CountsFile) -> NormalCounts:
    counts = _counts(file.norm, file.tails, file.counts)
    check_parts(counts, allowed=NormalCounts)
    return counts


def _counts(norm: str, tails: _Tails, rows: Sequence[_Counted]) -> NormalCounts:
    counts = np.zeros((2 * LAST_STEP + 1, len(rows)), dtype=np.int64)
    for place, row in enumerate(rows):
        first = row.first + LAST_STEP
        counts[first : first + len(row.counts), place] = row.counts
    return NormalCounts(norm, tails.form, tuple(row.name for row in rows), tails.normals, counts)


def _unreadable(path: Path, seen: str) -> NormalizerError:
    return NormalizerError(
        "NRM-401",
        "the file can't be read as a reference.",
        subject=str(path),
        seen=seen[:200],
        expected="a file that normwise reference, collect or merge wrote",
        advice="copy the file again from where it was made",
    )
