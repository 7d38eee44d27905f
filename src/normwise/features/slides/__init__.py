"""Whole-slide images: tissue, tiles, nuclei, and one vector a slide.

A walk through the files::

    settings     what a person may choose
    tissue       tissue at low magnification, told from glass, pen and folds
    tiles        the grid over the slide, and which tiles are read
    stain        haematoxylin and eosin told apart
    nuclei       nuclei found and parted: `segment_nuclei`
    measure      nuclei and tissue of one tile
    texture      co-occurrence at two scales, sharpness
    vector       from nuclei to tiles, from tiles to the slide
    kept         finished blocks of tiles, from which a slide that was cut off goes on
    child        one slide in its own process
    drawings     outline, heat maps, telling tiles
    export       a table of all nuclei, outlines for QuPath
    tile_table   the tiles as arrays
    extractor    a cohort of slides
"""

__all__ = []
