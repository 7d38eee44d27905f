"""``[features]``: what is measured on an image, or where the measurements lie.

Each extractor has a section of its own that holds the keys it reads and no others. What other packages have
to know of an extractor before it is loaded, as whether it reads images, is a class variable of its section.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic.fields import FieldInfo

from normwise.schema.sections import NonNegative, Section

__all__ = [
    "EXTRACTOR_SECTIONS",
    "AtlasSection",
    "AttentionSection",
    "AutoencoderSection",
    "BrainSection",
    "FeaturesSection",
    "FreeSurferSection",
    "ImagesSection",
    "RegionsSection",
    "ShapesSection",
    "SlidesSection",
    "TableSection",
    "TrunkSection",
    "VoxelsSection",
    "feature_keys",
    "features_section",
    "readers_of",
]


class FeaturesSection(Section):
    """What the sections of all extractors share."""

    reads_images: ClassVar[bool] = True
    """Whether it measures images, and not only tables of earlier measurements."""
    image_folders: ClassVar[bool] = False
    """Whether an image may be a folder of DICOM files."""

    extractor: str = Field("regions", description="what is measured")
    also: list[str] = Field(
        default_factory=list, description="columns of the participants table that are features as well"
    )

    @property
    def needs_images(self) -> bool:
        """Whether nobody can be measured where the study names no images."""
        return self.reads_images

    @property
    def packages(self) -> tuple[str, ...]:
        """Optional packages, by the names of import, without which nobody can be measured."""
        return ()

    @property
    def participant_columns(self) -> tuple[str, ...]:
        """Columns of the participants table that are features beside those of the extractor, each once."""
        return tuple(dict.fromkeys(self.also))

    def atlas_in(self, root: Path | None) -> tuple[str | None, str | None]:  # noqa: ARG002 - has no atlas
        """Return the atlas on which the features can be drawn, and its look-up table."""
        return None, None


class ColumnsSection(FeaturesSection):
    """Of an extractor whose features can be chosen by name."""

    columns: list[str] = Field(
        default_factory=list, description="feature columns by name or pattern (Left-*)"
    )


class MeasuredSection(ColumnsSection):
    """Of an extractor that reads tables of earlier measurements."""

    reads_images: ClassVar[bool] = False

    table: str | list[str] | None = Field(
        None, description="second table that holds the features, or several; patterns (*.tsv) are allowed"
    )
    table_id: str | None = Field(
        None, description="id column of the second table, or COLUMN ~ PATTERN; default: the cohort's"
    )


class PresenceSection(ColumnsSection):
    """Of an extractor of regions that not everybody need have."""

    may_be_absent: list[str] = Field(
        default_factory=list, description="regions that a person may lack, by name or pattern, beside lesions"
    )


class TableSection(MeasuredSection):
    """Of ``table``."""

    extractor: Literal["table"] = "table"


class FreeSurferSection(MeasuredSection, PresenceSection):
    """Of ``freesurfer``."""

    extractor: Literal["freesurfer"] = "freesurfer"
    subjects_dir: str | None = Field(None, description="FreeSurfer SUBJECTS_DIR")
    parcellation: str | None = Field(
        None, description="parcellation of the cortex, lh.NAME.stats; default: aparc, or FastSurfer's"
    )


class AtlasSection(PresenceSection):
    """Of an extractor whose features are of an atlas's regions."""

    atlas: str = Field(
        "neuromorphometrics",
        description="name of an installed atlas, a label map, or one map a scan with columns in braces",
    )
    lut: str | None = Field(None, description="look-up table of a label map: index and name")

    def atlas_in(self, root: Path | None) -> tuple[str | None, str | None]:
        """Return the atlas and its look-up table; a label map by a path that holds everywhere."""
        path = (root or Path()) / self.atlas
        return (str(path) if path.is_file() else self.atlas), self.lut


class ShapesSection(PresenceSection):
    """Of ``shapes``: the images are masks or label maps."""

    extractor: Literal["shapes"] = "shapes"
    lut: str | None = Field(None, description="look-up table of a label map: index and name")

    @property
    def packages(self) -> tuple[str, ...]:
        """What makes surfaces and skeletons."""
        return ("skimage",)


class RegionsSection(AtlasSection):
    """Of ``regions``."""

    extractor: Literal["regions"] = "regions"
    statistics: list[str] = Field(
        default_factory=list, description="region statistics; default: the few that differ between people"
    )


class BrainSection(AtlasSection):
    """Of ``brain``."""

    image_folders: ClassVar[bool] = True

    extractor: Literal["brain"] = "brain"
    atlas: str = Field("desikan_killiany", description="name of an installed atlas, or a label map")
    quality: Literal["fast", "default", "high"] = Field(
        "default", description="how thoroughly a raw head is registered"
    )
    already_stripped: bool = Field(False, description="the heads hold the brain only, 0 elsewhere")
    masker: Literal["auto", "network", "template"] = Field(
        "auto", description="how the brain is found: by a network where it is installed, or by the template"
    )
    template: str | None = Field(
        None, description="T1-weighted brain without skull in whose space the atlas lies; default: MNI152"
    )
    labels: str | None = Field(
        None, description="label map a scan of FreeSurfer, FastSurfer or SynthSeg, with columns in braces"
    )
    keep_derivatives: bool = Field(False, description="write mask, tissue and labels to RUN/derivatives")
    keep_implausible: bool = Field(False, description="keep scans whose quality is out of range")

    @property
    def needs_images(self) -> bool:
        """Maps that another program has made are enough."""
        return self.labels is None

    @property
    def packages(self) -> tuple[str, ...]:
        """N4 of antspyx, and what warps; maps that another program has made need neither."""
        if self.labels is not None:
            return ()
        return ("ants",) if self.quality == "high" else ("ants", "dipy")


class ImagesSection(FeaturesSection):
    """Of ``images``, and what other extractors of whole images share with it."""

    extractor: Literal["images", "voxels", "trunk", "autoencoder"] = "images"
    mask: str | None = Field(None, description="mask of voxels and images; default: the MNI152 brain")
    voxel_size_mm: NonNegative = Field(
        4.0, description="voxel size after downsampling, mm; 0 keeps the image's"
    )


class ComponentsSection(ImagesSection):
    """Of an extractor that learns a few numbers from whole images."""

    components: Annotated[int, Field(ge=1)] = Field(
        50, description="principal components, or numbers of an autoencoder's code"
    )


class VoxelsSection(ComponentsSection):
    """Of ``voxels``."""

    extractor: Literal["voxels"] = "voxels"
    smoothing_mm: NonNegative = Field(
        8.0, description="full width at half maximum of the voxels' smoothing, mm"
    )


class NetworkSection(ImagesSection):
    """Of an extractor that trains a network on whole images."""

    network: dict[str, Any] = Field(
        default_factory=dict, description="settings of the network that trunk and autoencoder train"
    )


class TrunkSection(NetworkSection):
    """Of ``trunk``."""

    extractor: Literal["trunk"] = "trunk"


class AutoencoderSection(ComponentsSection, NetworkSection):
    """Of ``autoencoder``."""

    extractor: Literal["autoencoder"] = "autoencoder"


class SlidesSection(ColumnsSection):
    """Of an extractor of whole-slide images."""

    extractor: Literal["slides", "attention"] = "slides"
    mpp: Annotated[float, Field(gt=0)] | None = Field(
        None, description="µm per pixel of slides whose file does not say it"
    )
    measured_mpp: Annotated[float, Field(ge=0.2, le=1.0)] = Field(
        0.5, description="µm per pixel at which nuclei are measured, the same for all slides"
    )
    tile_um: Annotated[float, Field(ge=64, le=2048)] = Field(512.0, description="side of a slide's tiles, µm")
    stains: Literal["published", "macenko", "vahadane"] = Field(
        "published", description="stain vectors: the published ones, or learnt from each slide"
    )
    damaged_tiles: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.02, description="share of a slide's tiles that may be damaged"
    )
    keep_implausible: bool = Field(False, description="keep scans whose quality is out of range")
    solidity: bool = Field(False, description="measure each nucleus's share of its convex hull")
    export: list[Literal["nuclei", "geojson"]] = Field(
        default_factory=list, description="tables of all nuclei, and outlines for QuPath"
    )

    @property
    def packages(self) -> tuple[str, ...]:
        """What opens slides and finds nuclei."""
        return ("cv2", "openslide", "skimage", "tifffile")


class NucleiSection(SlidesSection):
    """Of ``slides``."""

    extractor: Literal["slides"] = "slides"


class AttentionSection(SlidesSection):
    """Of ``attention``."""

    extractor: Literal["attention"] = "attention"
    pooling: Literal["attention", "mean"] = Field(
        "attention", description="how the extractor attention pools the tiles of a slide"
    )
    bag_tiles: Annotated[int, Field(ge=2, le=4096)] = Field(
        512, description="tiles of a slide that attention looks at, evenly spaced where there are more"
    )


EXTRACTOR_SECTIONS: dict[str, type[FeaturesSection]] = {
    "brain": BrainSection,
    "regions": RegionsSection,
    "shapes": ShapesSection,
    "table": TableSection,
    "freesurfer": FreeSurferSection,
    "voxels": VoxelsSection,
    "images": ImagesSection,
    "trunk": TrunkSection,
    "autoencoder": AutoencoderSection,
    "slides": NucleiSection,
    "attention": AttentionSection,
}
"""The section of each extractor, in the order of its registry."""


def feature_keys() -> dict[str, FieldInfo]:
    """Return every key of ``[features]`` that some extractor reads."""
    keys: dict[str, FieldInfo] = dict(FeaturesSection.model_fields)
    sections: list[type[FeaturesSection]] = [RegionsSection, *EXTRACTOR_SECTIONS.values()]  # default first
    for section in sections:
        keys |= {key: field for key, field in section.model_fields.items() if key not in keys}
    return keys


def readers_of(key: str) -> list[str]:
    """Return the extractors that read a key of ``[features]``.

    Examples
    --------
    >>> readers_of("components"), readers_of("stain")
    (['voxels', 'autoencoder'], [])
    """
    return [name for name, section in EXTRACTOR_SECTIONS.items() if key in section.model_fields]


def features_section(keys: Mapping[str, Any], *, saved: bool = False) -> FeaturesSection:
    """Make the section of the extractor that the keys name.

    Parameters
    ----------
    keys : mapping
        The content of ``[features]``.
    saved : bool
        Whether they were written by Normwise: up to 0.1.0 a run and a model held the keys of all extractors,
        and those that theirs did not read are left out.

    Returns
    -------
    FeaturesSection
        Keys that belong to another extractor and have their default are left out, so that the study file of
        an old run can be used as it is. A name that is no extractor gives a section without other keys: the
        registry of extractors refuses it.

    Raises
    ------
    pydantic.ValidationError
        For every other key that the extractor does not read, and for wrong values.

    Examples
    --------
    >>> features_section({"extractor": "table", "stains": "published", "columns": ["f*"]})
    TableSection(extractor='table', also=[], columns=['f*'], table=None, table_id=None)
    """
    name = keys.get("extractor", "regions")
    section = EXTRACTOR_SECTIONS.get(name.strip()) if isinstance(name, str) else None
    if section is None:
        return FeaturesSection.model_validate({"extractor": name})
    misplaced = {key for key in keys if key not in section.model_fields and readers_of(key)}
    dropped = misplaced if saved else {key for key in misplaced if _is_default(key, keys[key])}
    return section.model_validate({key: value for key, value in keys.items() if key not in dropped})


def _is_default(key: str, value: Any) -> bool:
    fields = (EXTRACTOR_SECTIONS[name].model_fields[key] for name in readers_of(key))
    return any(value == field.get_default(call_default_factory=True) for field in fields)
