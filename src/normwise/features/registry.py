"""Every extractor by its name; a new one is one file and one line here."""

from __future__ import annotations

from normwise.features.extractor import Extractor

__all__ = ["EXTRACTORS"]

_HERE = "normwise.features"

EXTRACTORS: dict[str, Extractor] = {
    "brain": Extractor("Regions of raw T1-weighted heads", f"{_HERE}.brain.extractor"),
    "regions": Extractor("Statistics of labelled regions of an image", f"{_HERE}.regions.extractor"),
    "shapes": Extractor("Shapes of masks and of labelled regions", f"{_HERE}.shapes.extractor"),
    "table": Extractor("Features from the columns of a table", f"{_HERE}.tables.extractor"),
    "freesurfer": Extractor("Volumes, areas and thicknesses by FreeSurfer", f"{_HERE}.tables.freesurfer"),
    "voxels": Extractor(
        "Smoothed voxels of the brain, with principal components learnt inside each fold",
        f"{_HERE}.voxels.extractor",
        learnt="principal_components",
    ),
    "images": Extractor(
        "Whole images, each brought once onto one coarse grid, for a convolutional network",
        f"{_HERE}.voxels.whole_images",
    ),
    "trunk": Extractor(
        "The trunk of a convolutional network, trained inside each fold",
        f"{_HERE}.voxels.whole_images",
        learnt="trunk",
    ),
    "autoencoder": Extractor(
        "The code of a convolutional autoencoder, trained inside each fold",
        f"{_HERE}.voxels.whole_images",
        learnt="autoencoder",
    ),
    "slides": Extractor("Nuclei and tissue of whole-slide images", f"{_HERE}.slides.extractor"),
    "attention": Extractor(
        "Tiles of whole-slide images, pooled by attention learnt inside each fold",
        f"{_HERE}.slides.attention_extractor",
        learnt="attention",
        baseline={"pooling": "mean"},
    ),
}
"""What ``features.extractor`` may say."""
