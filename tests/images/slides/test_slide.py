"""Slides are read region by region; µm per pixel are known or asked for; nothing hostile gets far."""

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from normwise.errors import ImageError, NormwiseWarning
from normwise.images import open_slide
from normwise.images.slides.slide import Slide
from normwise.images.slides.source import Level
from slide_files import drawn, layout_of, save_slide, spoil_tile


def code_of(call, *arguments, **options):
    with pytest.raises(ImageError) as caught:
        call(*arguments, **options)
    assert caught.value.advice
    return caught.value.code


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory):
    return save_slide(tmp_path_factory.mktemp("slide") / "a.tif")


def test_a_pyramid_tells_its_size_levels_and_pixels(pyramid):
    with open_slide(pyramid) as slide:
        assert slide.size == (2048, 2048)
        assert [level.downsample for level in slide.levels] == [1.0, 4.0, 16.0]
        assert slide.mpp == pytest.approx((0.5, 0.5))
        assert slide.area_mm2 == pytest.approx(1.024**2)


def test_a_region_is_the_tile_that_was_put_there(pyramid):
    square = drawn()[0][layout_of(8, 8, (2, 2, 6, 7))[3, 4]]
    with open_slide(pyramid) as slide:
        found = slide.read_region(4 * 256, 3 * 256, 256, 256)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - square).mean() < 4  # JPEG


def test_what_lies_outside_is_white(pyramid):
    with open_slide(pyramid) as slide:
        found = slide.read_region(-40, -40, 80, 80)
    assert (found[:40] == 255).all()
    assert (found[:, :40] == 255).all()
    assert abs(int(found[60, 60, 0]) - 243) <= 2


def test_a_coarser_size_is_read_from_the_next_finer_level(pyramid):
    with open_slide(pyramid) as slide:
        assert [slide.level_at(mpp) for mpp in (0.25, 0.5, 1.9, 2.0, 8.0, 100.0)] == [0, 0, 0, 1, 2, 2]
        fine = slide.read_at(512, 512, 512, 512, 0.5)
        coarse = slide.read_at(512, 512, 256, 256, 1.0)
    halved = fine.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3))
    assert np.abs(halved - coarse).max() <= 1


def test_a_thumbnail_shows_the_whole_slide(pyramid):
    with open_slide(pyramid) as slide:
        rgb, mpp = slide.thumbnail(8.0)
        assert rgb.shape == (128, 128, 3)
        assert mpp == 8.0
        small, coarser = slide.thumbnail(8.0, most=50)
    assert max(small.shape) == 50
    assert coarser == pytest.approx(20.48)
    assert rgb[:30].min() > 225
    assert rgb[40:90, 40:100].mean() < 225


def test_a_file_without_pixel_size_is_asked_for_it(tmp_path):
    path = save_slide(tmp_path / "a.tif", mpp=None)
    assert code_of(open_slide, path) == "IMG-802"
    with open_slide(path, mpp=0.25) as slide:
        assert slide.mpp == (0.25, 0.25)


@pytest.mark.parametrize("given", [0.0, -1.0, 1000.0, float("nan")])
def test_no_microscope_has_such_pixels(tmp_path, given):
    path = save_slide(tmp_path / "a.tif", mpp=None)
    assert code_of(open_slide, path, mpp=given) == "IMG-802"


def test_a_print_resolution_is_not_believed(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path, np.zeros((64, 64, 3), np.uint8), tile=(16, 16), resolution=(72, 72), resolutionunit=2
    )
    assert code_of(open_slide, path) == "IMG-802"
    with open_slide(path, mpp=0.5) as slide:
        assert slide.mpp == (0.5, 0.5)


def test_what_the_file_says_stands_above_what_is_given(pyramid):
    with open_slide(pyramid, mpp=0.25) as slide:
        assert slide.mpp == pytest.approx((0.5, 0.5))


def test_an_ome_pyramid_is_read_by_its_levels(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 255, (256, 320, 3), np.uint8)
    path = tmp_path / "a.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as file:
        about = {"PhysicalSizeX": 250, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": 0.25, "axes": "YXS"}
        file.write(rgb, tile=(64, 64), photometric="rgb", subifds=1, metadata=about, compression="zlib")
        file.write(rgb[::4, ::4], tile=(64, 64), photometric="rgb", subfiletype=1, compression="zlib")
    with open_slide(path) as slide:
        assert slide.mpp == pytest.approx((0.25, 0.25))
        assert [(level.width, level.height) for level in slide.levels] == [(320, 256), (80, 64)]
        assert np.array_equal(slide.read_region(50, 30, 100, 90), rgb[30:120, 50:150])
        assert np.array_equal(slide.read_region(40, 40, 20, 20, level=1), rgb[::4, ::4][10:30, 10:30])
        edge = slide.read_region(310, 250, 20, 20)
        assert np.array_equal(edge[:6, :10], rgb[250:, 310:])
        assert (edge[6:] == 255).all()
        assert (slide.read_region(400, 400, 5, 5) == 255).all()


def test_grey_strips_are_read(tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (70, 50), np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, grey, rowsperstrip=16, compression="zlib")
    with open_slide(path, mpp=0.5) as slide:
        found = slide.read_region(5, 10, 30, 50)
    assert np.array_equal(found[..., 1], grey[10:60, 5:35])


def test_a_picture_is_a_slide_of_one_level_on_white(tmp_path):
    rgba = np.zeros((20, 30, 4), np.uint8)
    rgba[:, 15:] = (10, 20, 30, 255)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert code_of(open_slide, tmp_path / "a.png") == "IMG-802"
    with open_slide(tmp_path / "a.png", mpp=0.5) as slide:
        found = slide.read_region(0, 0, 30, 20)
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[0, 29].tolist() == [10, 20, 30]


@pytest.mark.parametrize("clear", [None, 0x80FF])
def test_16_bit_grey_becomes_its_upper_8_bits(tmp_path, clear):
    values = np.array([[0, 255, 256, 0x1234], [0x80FF, 0xC8C8, 0xFEFF, 0xFFFF]], np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", transparency=clear)
    with pytest.warns(NormwiseWarning, match="IMG-910"):
        slide = open_slide(tmp_path / "a.png", mpp=0.5)
    with slide:
        found = slide.read_region(0, 0, 4, 2)
    wanted = [[0, 0, 1, 0x12], [0x80 if clear is None else 255, 0xC8, 0xFE, 255]]
    assert all(found[..., channel].tolist() == wanted for channel in range(3))


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.svs", b"no slide at all", "IMG-801"),
        ("a.tif", b"II*\0\xff\xff\xff\xff", "IMG-801"),
        ("a.ndpi", b"MM\0*" + b"\0" * 60, "IMG-801"),
        ("a.mrxs", b"text", "IMG-801"),
        ("a.png", b"\x89PNG\r\n\x1a\nbroken", "IMG-801"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "IMG-801"),
        ("a.svs", b"", "IMG-101"),
        ("a.bmp", b"BM", "IMG-102"),
        ("slide", b"x", "IMG-102"),
    ],
)
def test_what_is_no_slide_is_refused_by_name(tmp_path, name, content, code):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError) as caught:
        open_slide(tmp_path / name)
    assert caught.value.code == code
    assert caught.value.subject == name


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert code_of(open_slide, tmp_path / "none.svs") == "IMG-100"
    (tmp_path / "folder.svs").mkdir()
    assert code_of(open_slide, tmp_path / "folder.svs") == "IMG-100"


def test_other_pixels_than_8_bit_colour_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((32, 32, 3), np.uint16), photometric="rgb")
    assert code_of(open_slide, tmp_path / "a.tif", mpp=0.5) == "IMG-801"


def test_hostile_dimensions_are_refused_before_memory_is_taken(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64, 3), np.uint8), tile=(16, 16))
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        places = [file.pages[0].tags[name].valueoffset for name in ("ImageWidth", "ImageLength")]
        kinds = [file.pages[0].tags[name].dtype for name in ("ImageWidth", "ImageLength")]
    for place, kind in zip(places, kinds, strict=True):
        form = "<H" if int(kind) == 3 else "<I"
        content[place : place + struct.calcsize(form)] = struct.pack(
            form, 65535 if form == "<H" else 2**31 - 1
        )
    path.write_bytes(content)
    with pytest.raises(ImageError) as caught, open_slide(path, mpp=0.5) as slide:
        slide.read_region(0, 0, 1 << 20, 1 << 20)
    assert caught.value.code in {"IMG-801", "IMG-803", "IMG-804"}


def test_a_picture_beyond_the_cap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("normwise.images.slides.picture.MOST_PIXELS", 100)
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(tmp_path / "a.png")
    assert code_of(open_slide, tmp_path / "a.png", mpp=0.5) == "IMG-803"


def test_too_large_a_region_is_refused(pyramid):
    with open_slide(pyramid) as slide:
        assert code_of(slide.read_region, 0, 0, 1 << 15, 1 << 15) == "IMG-804"
        assert code_of(slide.read_region, 0, 0, 0, 5) == "IMG-804"


def test_a_damaged_tile_is_an_error_and_its_neighbours_are_not(tmp_path):
    path = save_slide(tmp_path / "a.tif")
    spoil_tile(path, 3, 4)
    with open_slide(path) as slide:
        assert code_of(slide.read_region, 4 * 256, 3 * 256, 256, 256) == "IMG-805"
        assert slide.read_region(3 * 256, 3 * 256, 256, 256).mean() < 240


def test_a_thumbnail_names_what_is_damaged(tmp_path):
    path = save_slide(tmp_path / "a.tif", levels=1)
    spoil_tile(path, 3, 4)
    with open_slide(path) as slide:
        assert code_of(slide.thumbnail) == "IMG-805"
        boxes = []
        rgb, mpp = slide.thumbnail(8.0, damaged=boxes)
    inside = np.zeros(rgb.shape[:2], bool)
    for left, top, width, height in boxes:
        inside[top : top + height, left : left + width] = True
    px = 256 * 0.5 / mpp
    assert inside[int(3 * px) : int(4 * px), int(4 * px) : int(5 * px)].all()
    assert inside.sum() <= 9 * px**2
    assert rgb[~inside].min() < 200


class OnePixel:
    levels = (Level(1, 1, 1.0),)
    mpp = (0.5, 0.5)

    def read(self, x, y, width, height, level):
        return np.zeros((height, width, 3), np.uint8)

    def close(self):
        pass


def test_the_smallest_slide_has_a_thumbnail(tmp_path):
    rgb, _ = Slide(tmp_path / "a.tif", OnePixel(), (0.5, 0.5)).thumbnail()
    assert rgb.shape == (1, 1, 3)


def flips(content, places, seed=0):
    """Yield the content with one bit changed, at each of the places."""
    for place, bit in zip(places, np.random.default_rng(seed).integers(0, 8, len(places)), strict=True):
        yield bytes((*content[:place], content[place] ^ 1 << int(bit), *content[place + 1 :]))


def pixels_of(path):
    with open_slide(path, mpp=0.5) as slide:
        return slide.read_region(0, 0, *slide.size)


@pytest.mark.parametrize("mode", ["RGB", "L", "I;16", "P"])
def test_a_changed_bit_of_a_png_is_noticed_wherever_it_is(tmp_path, mode):
    """Pillow reads a small picture without asking for its checksum."""
    picture = np.full((40, 60, 3), 240, np.uint8)
    picture[10:20, 10:30] = (200, 120, 180)
    grey = picture[..., 1]
    image = {
        "RGB": Image.fromarray(picture),
        "L": Image.fromarray(grey),
        "I;16": Image.fromarray(grey.astype(np.uint16) * 257),
        "P": Image.fromarray(picture).quantize(4),
    }[mode]
    image.save(tmp_path / "a.png", dpi=(72, 72))
    content = (tmp_path / "a.png").read_bytes()
    for changed in flips(content, range(len(content))):
        (tmp_path / "b.png").write_bytes(changed)
        assert code_of(open_slide, tmp_path / "b.png", mpp=0.5) == "IMG-801"
    for length in range(8, len(content)):
        (tmp_path / "b.png").write_bytes(content[:length])
        assert code_of(open_slide, tmp_path / "b.png", mpp=0.5) == "IMG-801"
    (tmp_path / "b.png").write_bytes(content + b"something behind")
    assert np.array_equal(pixels_of(tmp_path / "b.png"), pixels_of(tmp_path / "a.png"))


@pytest.mark.parametrize("name", ["a.tif", "a.svs"])
@pytest.mark.parametrize(
    "options", [{"tile": (64, 64)}, {"tile": (64, 64), "predictor": True}, {"rowsperstrip": 40}]
)
def test_a_changed_bit_of_deflated_pixels_is_noticed(tmp_path, name, options):
    rgb = drawn()[0][0][:128, :128]
    text = "Aperio Image Library v1\r\n|AppMag = 20|MPP = 0.25" if name == "a.svs" else None
    about = {"resolution": (2e4, 2e4), "resolutionunit": "CENTIMETER", "metadata": None, "description": text}
    path = tmp_path / name
    tifffile.imwrite(path, rgb, photometric="rgb", compression="zlib", **about, **options)
    assert np.array_equal(pixels_of(path), rgb)
    if "tile" in options:  # as openslide has it
        with open_slide(path) as slide:
            assert (slide.mpp, slide.magnification) == (((0.25, 0.25), 20.0) if text else ((0.5, 0.5), None))
    with tifffile.TiffFile(path) as file:
        start, size = file.pages[0].dataoffsets[1], file.pages[0].databytecounts[1]
    places = np.random.default_rng(0).integers(start, start + size, 60)
    for changed in flips(path.read_bytes(), [*places.tolist(), start + size - 1]):
        path.write_bytes(changed)
        assert code_of(pixels_of, path) == "IMG-805"


@pytest.mark.realdata
def test_a_scanners_file_is_read_and_its_label_is_not(real_data, monkeypatch):
    import openslide

    monkeypatch.setattr(
        openslide.OpenSlide, "associated_images", property(lambda self: pytest.fail("a label was read"))
    )
    with open_slide(real_data / "slides" / "CMU-1-Small-Region.svs") as slide:
        assert slide.size == (2220, 2967)
        assert slide.mpp == (0.499, 0.499)
        rgb, _ = slide.thumbnail()
    assert 150 < rgb.mean() < 250
    assert code_of(open_slide, real_data / "slides" / "broken.svs") == "IMG-801"
