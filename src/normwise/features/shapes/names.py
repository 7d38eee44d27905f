"""Every measure of a shape: its unit and what it means."""

from __future__ import annotations

__all__ = ["DEFAULT_COLUMNS", "MEASURES"]

DEFAULT_COLUMNS = ["*", "!*_aabb", "!*.skeleton_*"]
"""What is measured where a study names no columns: all that does not change when a person lies turned."""

_PERCENTS = (5, 25, 50, 75, 95)


def _spread(name: str, ending: str, unit: str, what: str) -> dict[str, tuple[str, str]]:
    words = {"mean": "Mean of", "sd": "SD of"} | {f"p{each}": f"{each}th percentile of" for each in _PERCENTS}
    return {f"{name}_{key}{ending}": (unit, f"{word} {what}") for key, word in words.items()}


MEASURES: dict[str, tuple[str, str]] = {
    "volume_mm3": ("mm^3", "Volume within the surface (IBSI RNU0)"),
    "voxel_volume_mm3": ("mm^3", "Volume by counting voxels (IBSI YEKZ)"),
    "area_mm2": ("mm^2", "Area of the surface (IBSI C0JK)"),
    "surface_to_volume_per_mm": ("1/mm", "Surface to volume ratio (IBSI 2PR5)"),
    "compactness_1": ("", "Compactness 1 (IBSI SKGS)"),
    "compactness_2": ("", "Compactness 2 (IBSI BQWJ)"),
    "spherical_disproportion": ("", "Spherical disproportion (IBSI KRCK)"),
    "sphericity": ("", "Sphericity, 1 of a sphere (IBSI QCFX)"),
    "asphericity": ("", "Asphericity, 0 of a sphere (IBSI 25C7)"),
    "major_axis_mm": ("mm", "Length of the major axis (IBSI TDIC)"),
    "minor_axis_mm": ("mm", "Length of the minor axis (IBSI P9VJ)"),
    "least_axis_mm": ("mm", "Length of the least axis (IBSI 7J51)"),
    "elongation": ("", "Minor to major axis (IBSI Q3CK)"),
    "flatness": ("", "Least to major axis (IBSI N17B)"),
    "diameter_mm": ("mm", "Largest diameter of the surface (IBSI L0JK)"),
    "volume_density_aabb": ("share", "Volume in its box along the image's axes (IBSI PBX1)"),
    "area_density_aabb": ("", "Area to that of its box along the image's axes (IBSI R59B)"),
    "volume_density_box": ("share", "Volume in its box along the principal axes"),
    "area_density_box": ("", "Area to that of its box along the principal axes"),
    "volume_density_aee": ("", "Volume to that of the ellipsoid of its axes (IBSI 6BDE)"),
    "area_density_aee": ("", "Area to that of the ellipsoid of its axes (IBSI RDD2)"),
    "volume_density_hull": ("share", "Volume in its convex hull (IBSI R3ER)"),
    "area_density_hull": ("", "Area to that of its convex hull (IBSI 7T7F)"),
    "moment_j1": ("", "First invariant of the second moments, by the radius of the same volume"),
    "moment_j2": ("", "Second invariant of the second moments, by the radius of the same volume"),
    "moment_j3": ("", "Third invariant of the second moments, by the radius of the same volume"),
    "moment_3": ("", "Norm of the third moments, by the radius of the same volume"),
    "moment_3_vector": ("", "Norm of the third moments' trace, by the radius of the same volume"),
    "moment_4": ("", "Norm of the fourth moments, by the radius of the same volume"),
    "skewness": ("", "Norm of the third moments with all variances made 1"),
    "kurtosis": ("", "Mean fourth power of the distance with all variances made 1"),
    "kurtosis_norm": ("", "Norm of the fourth moments with all variances made 1"),
    "profile_peak": ("", "Thickest to mean slice across the major axis"),
    "profile_sd": ("", "SD of the slices across the major axis, by their mean"),
    "profile_asymmetry": ("share", "How far the centre lies from half of the length"),
    "radial_mean": ("", "Mean distance of the surface from its centre, by the radius of the same volume"),
    "radial_sd": ("", "SD of the distance of the surface from its centre, by that radius"),
    "radial_skewness": ("", "Skewness of the distance of the surface from its centre"),
    "radial_max": ("", "Largest distance of the surface from its centre, by that radius"),
    "radial_min": ("", "Least distance of the surface from its centre, by that radius"),
    "pair_distance_mean": ("", "Mean distance of two points of the surface, by that radius"),
    "pair_distance_sd": ("", "SD of the distance of two points of the surface, by that radius"),
    **{
        f"pair_distance_p{each}": (
            "",
            f"{each}th percentile of the distance of two points of the surface, by that radius",
        )
        for each in (10, 25, 50, 75, 90)
    },
    **_spread("mean_curvature", "_per_mm", "1/mm", "the mean curvature of the smoothed surface"),
    **_spread("gaussian_curvature", "_per_mm2", "1/mm^2", "the Gaussian curvature of the smoothed surface"),
    **_spread("curvedness", "_per_mm", "1/mm", "the curvedness of the smoothed surface"),
    **_spread("shape_index", "", "", "the shape index, −1 of a cup to 1 of a cap"),
    "integral_mean_curvature_mm": ("mm", "Mean curvature summed over the surface"),
    "mean_curvature_of_sphere": ("", "That sum to the sum of the sphere of the same volume"),
    "absolute_gaussian_curvature": ("", "Size of the Gaussian curvature summed over the surface, by 4π"),
    "concave_share": ("share", "Share of the surface that is concave in the mean"),
    "saddle_share": ("share", "Share of the surface that is a saddle"),
    "euler_number": ("", "Bodies − tunnels + cavities"),
    **_spread("thickness", "_mm", "mm", "the thickness from the surface straight inwards"),
    "depth_mean_mm": ("mm", "Mean depth under the surface"),
    "depth_sd_mm": ("mm", "SD of the depth under the surface"),
    "depth_p90_mm": ("mm", "90th percentile of the depth under the surface"),
    "depth_max_mm": ("mm", "Largest depth under the surface"),
    "inscribed_sphere_share": ("share", "Share of the volume that the largest sphere within would fill"),
    **_spread("medial_thickness", "_mm", "mm", "the thickness along the medial surface"),
    "medial_thickness_max_mm": ("mm", "Largest thickness along the medial surface"),
    "medial_thickness_cv": ("", "SD of the thickness along the medial surface, by its mean"),
    "medial_thickness_max_ratio": ("", "Largest to median thickness along the medial surface"),
    "components": ("", "Separate bodies"),
    "largest_component_share": ("share", "Share of the largest body"),
    "skeleton_length_mm": ("mm", "Length of the skeleton"),
    "skeleton_longest_mm": ("mm", "Longest way along the skeleton"),
    "skeleton_ends": ("", "Ends of the skeleton"),
    "skeleton_branchings": ("", "Places where the skeleton branches"),
}
"""Unit and description by name, in the order of the columns."""
