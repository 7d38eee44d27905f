"""TIFF of every layout: channels first or last, pictures beside the slide, and colours that are none."""

import numpy as np
import pytest
import tifffile

from normwise.errors import ImageError
from normwise.images import open_slide

RGB = np.random.default_rng(0).integers(0, 255, (96, 160, 3), np.uint8)
LABEL = np.full((90, 150, 3), 7, np.uint8)
PIXELS = {"PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}


def write_ome(path, *pictures, **options):
    """Write pictures with their metadata into one OME-TIFF."""
    with tifffile.TiffWriter(path, ome=True) as file:
        for picture, about in pictures:
            colour = "rgb" if about["axes"].endswith("S") else "minisblack"
            file.write(picture, photometric=colour, metadata=about, **options)
    return path


def planes(channels=None, **more):
    about = {"axes": "CYX", **PIXELS, **more}
    return np.moveaxis(RGB, 2, 0), about if channels is None else {**about, "Channel": channels}


def refusal(path):
    with pytest.raises(ImageError) as caught:
        open_slide(path, mpp=0.5)
    assert caught.value.code == "IMG-801"
    assert caught.value.subject == path.name
    return caught.value.seen


def pixels(path):
    with open_slide(path, mpp=0.5) as slide:
        assert slide.size == (160, 96)
        return slide.read_region(0, 0, 160, 96)


@pytest.mark.parametrize(
    "options", [{"tile": (32, 48)}, {"rowsperstrip": 20}, {"tile": (32, 32), "compression": "zlib"}]
)
@pytest.mark.parametrize("layout", ["ome", "planar", "axes", "imagej"])
def test_channels_first_are_read_as_colour(tmp_path, layout, options):
    path, first = tmp_path / "a.tif", np.moveaxis(RGB, 2, 0)
    if layout == "ome":
        write_ome(path, planes(), **options)
    elif layout == "planar":
        tifffile.imwrite(path, first, photometric="rgb", planarconfig="separate", **options)
    else:
        options = {} if layout == "imagej" else options
        about = {"axes": "CYX"}
        tifffile.imwrite(
            path, first, photometric="minisblack", imagej=layout == "imagej", metadata=about, **options
        )
    assert np.array_equal(pixels(path), RGB)


def test_planes_have_levels(tmp_path):
    path = tmp_path / "a.ome.tif"
    first = np.moveaxis(RGB, 2, 0)
    with tifffile.TiffWriter(path, ome=True) as file:
        about = {"axes": "CYX", **PIXELS, "Channel": {"Name": ["B", "G", "R"]}}
        file.write(first, tile=(32, 32), photometric="minisblack", subifds=1, metadata=about)
        file.write(first[:, ::2, ::2], tile=(32, 32), photometric="minisblack", subfiletype=1)
    with open_slide(path) as slide:
        assert [level.downsample for level in slide.levels] == [1.0, 2.0]
        assert np.array_equal(slide.read_region(0, 0, 80, 48, level=1), RGB[::2, ::2, ::-1])


@pytest.mark.parametrize("label_first", [False, True])
@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_a_label_is_not_taken_for_the_slide_whose_channels_come_first(tmp_path, label_first, tile):
    label = LABEL, {"axes": "YXS", "PhysicalSizeX": 9.0, "PhysicalSizeY": 9.0}
    pictures = [label, planes()] if label_first else [planes(), label]
    path = write_ome(tmp_path / "a.ome.tif", *pictures, tile=tile)
    assert np.array_equal(pixels(path), RGB)
    with open_slide(path) as slide:
        assert slide.mpp == (0.25, 0.25)


@pytest.mark.parametrize("name", ["label", "Label image", "macro image", "Slide overview"])
def test_a_picture_of_the_whole_glass_is_not_taken_for_the_slide(tmp_path, name):
    large = np.full((300, 400, 3), 7, np.uint8), {"axes": "YXS", "Name": name}
    slide = RGB, {"axes": "YXS", "Name": "specimen", **PIXELS}
    assert np.array_equal(pixels(write_ome(tmp_path / "a.ome.tif", large, slide)), RGB)
    assert "label" in refusal(write_ome(tmp_path / "b.ome.tif", large))


def test_a_reduced_page_of_another_shape_is_no_level(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        for picture, reduced in ((RGB, 0), (RGB[::2, ::2], 1), (np.full((90, 64, 3), 7, np.uint8), 1)):
            file.write(picture, tile=(16, 16), photometric="rgb", subfiletype=reduced, metadata=None)
    with open_slide(path, mpp=0.5) as slide:
        assert [(level.width, level.height) for level in slide.levels] == [(160, 96), (80, 48)]
        assert np.array_equal(slide.read_region(0, 0, 80, 48, level=1), RGB[::2, ::2])


@pytest.mark.parametrize("names", [["R", "G", "B"], ["blue", "Green", "red"], ["Channel:0:0", "C2", ""]])
def test_channels_are_put_in_order_by_their_names(tmp_path, names):
    order = [("blue" in names) * 2, 1, 2 * ("blue" not in names)]
    path = write_ome(tmp_path / "a.ome.tif", planes({"Name": names}), tile=(32, 32))
    assert np.array_equal(pixels(path), RGB[..., order])


def test_channels_without_names_are_put_in_order_by_their_colours(tmp_path):
    colours = [0x0000FFFF, 0x00FF00FF, -16776961]  # blue, green, red, with alpha
    path = write_ome(tmp_path / "a.ome.tif", planes({"Color": colours}), tile=(32, 32))
    assert np.array_equal(pixels(path), RGB[..., ::-1])


@pytest.mark.parametrize("tile", [None, (32, 32)])
@pytest.mark.parametrize(
    ("channels", "word"),
    [
        ({"Name": ["DAPI", "FITC", "Cy5"]}, "DAPI, FITC, Cy5"),
        ({"Name": ["R", "G", "R"]}, "R, G, R"),
        ({"Fluor": ["A", "B", "C"]}, "3 separate planes"),
        ({"Color": [0x00FFFFFF, 0xFF00FFF, 0x00FF00FF]}, "3 separate planes"),
    ],
)
def test_other_dyes_than_red_green_and_blue_are_refused_by_their_names(tmp_path, channels, word, tile):
    assert word in refusal(write_ome(tmp_path / "a.ome.tif", planes(channels), tile=tile))


@pytest.mark.parametrize("count", [2, 3, 4])
@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_pages_of_one_size_are_no_colours(tmp_path, count, tile):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((count, 96, 160), np.uint8), photometric="minisblack", tile=tile, metadata=None
    )
    assert f"{count} separate planes" in refusal(path)


def test_separate_16_bit_channels_are_named_as_such(tmp_path):
    wide = np.moveaxis(RGB, 2, 0).astype(np.uint16) * 257, {"axes": "CYX", **PIXELS}
    assert "uint16" in refusal(write_ome(tmp_path / "a.ome.tif", wide))


def test_of_a_stack_in_colour_the_first_is_read(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.stack([RGB, 255 - RGB]), photometric="rgb", metadata={"axes": "ZYXS"})
    assert np.array_equal(pixels(path), RGB)


@pytest.mark.parametrize(("colours", "samples"), [("palette", 1), ("separated", 4), ("cielab", 3)])
def test_colours_that_are_not_rgb_are_refused(tmp_path, colours, samples):
    path = tmp_path / "a.tif"
    picture = np.zeros((96, 160, samples) if samples > 1 else (96, 160), np.uint8)
    options = {"colormap": np.zeros((3, 256), np.uint16)} if colours == "palette" else {}
    tifffile.imwrite(path, picture, photometric=colours, **options)
    assert "colours" in refusal(path)


def test_a_pixel_size_that_is_no_number_is_asked_for(tmp_path):
    path = write_ome(tmp_path / "a.ome.tif", planes(), tile=(32, 32))
    with tifffile.TiffFile(path) as file:
        text = file.ome_metadata
    tifffile.tiffcomment(path, text.replace('PhysicalSizeX="0.25"', 'PhysicalSizeX="many"'))
    assert np.array_equal(pixels(path), RGB)


def test_the_objectives_magnification_is_read(tmp_path):
    path = tmp_path / "a.ome.tif"
    write_ome(path, planes())
    with open_slide(path) as slide:
        assert slide.magnification is None
    with tifffile.TiffFile(path) as file:
        text = file.ome_metadata
    tifffile.tiffcomment(
        path,
        text.replace("<Image ", '<Instrument><Objective NominalMagnification="40"/></Instrument><Image ', 1),
    )
    with open_slide(path) as slide:
        assert slide.magnification == 40.0
