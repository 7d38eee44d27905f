"""What the XML header of an OME-TIFF says of its pictures: µm per pixel, channels, magnification."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["OmePicture", "nominal_magnification", "ome_pictures", "rgb_order"]

_UM_PER_NAME = {"µm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6}
_PICTURE = re.compile(r"<(?:\w+:)?Pixels\b([^>]*)>(.*?)(?=<(?:\w+:)?Pixels\b|\Z)", re.DOTALL)
_CHANNEL = re.compile(r"<(?:\w+:)?Channel\b([^>]*)>")
_OBJECTIVE = re.compile(r"<(?:\w+:)?Objective\b([^>]*)>")
_ATTRIBUTE = re.compile(r'([\w:]+)\s*=\s*"([^"]*)"')

_FLUORESCENT = ("Fluor", "EmissionWavelength", "ExcitationWavelength")
_UNNAMED = re.compile(r"(channel|ch|c)?[\s:_#-]*[\d:_]*", re.IGNORECASE)
_COLOURS = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2}
_COLOUR_VALUES = {0xFF0000: "red", 0x00FF00: "green", 0x0000FF: "blue"}  # of OME's Color, without alpha


@dataclass(frozen=True)
class OmePicture:
    """One picture of an OME header.

    Attributes
    ----------
    size : tuple of two ints
        Width and height, px.
    mpp : tuple of two floats, or None
        µm per pixel.
    channels : tuple of dict
        The attributes of each channel.
    """

    size: tuple[int, int]
    mpp: tuple[float, float] | None
    channels: tuple[dict[str, str], ...]


def ome_pictures(text: str) -> list[OmePicture]:
    """Read the pictures of an OME header.

    Parameters
    ----------
    text : str
        XML. What is not understood is passed over.

    Examples
    --------
    >>> ome_pictures('<Pixels SizeX="9" SizeY="8" PhysicalSizeX="500" PhysicalSizeXUnit="nm" '
    ...              'PhysicalSizeY="0.5"><Channel Name="DAPI"/></Pixels>')
    [OmePicture(size=(9, 8), mpp=(0.5, 0.5), channels=({'Name': 'DAPI'},))]
    """
    pictures = []
    for about, content in _PICTURE.findall(text):
        named = dict(_ATTRIBUTE.findall(about))
        size = (_whole(named.get("SizeX")), _whole(named.get("SizeY")))
        channels = tuple(dict(_ATTRIBUTE.findall(each)) for each in _CHANNEL.findall(content))
        pictures.append(OmePicture(size, _mpp(named), channels))
    return pictures


def nominal_magnification(text: str) -> float | None:
    """Return the magnification of the objective, or None where there is none, or several differ.

    Examples
    --------
    >>> nominal_magnification('<Objective ID="Objective:0" NominalMagnification="20.0"/>')
    20.0
    """
    stated = {dict(_ATTRIBUTE.findall(each)).get("NominalMagnification") for each in _OBJECTIVE.findall(text)}
    try:
        [only] = {float(each) for each in stated if each}
    except ValueError:
        return None
    return only


def rgb_order(channels: tuple[dict[str, str], ...]) -> tuple[int, int, int] | None:
    """Return which of three channels is red, which green, which blue; None where they are other dyes.

    Channels without a name of their own are taken in their order.

    Parameters
    ----------
    channels : tuple of dict
        The attributes of each channel, or nothing at all.

    Examples
    --------
    >>> rgb_order(({"Name": "Blue"}, {"Name": "Green"}, {"Name": "Red"}))
    (2, 1, 0)
    >>> rgb_order(({"Name": "DAPI"}, {"Name": "FITC"}, {"Name": "Cy5"})) is None
    True
    """
    if not channels:
        return 0, 1, 2
    if len(channels) != 3 or any(key in each for each in channels for key in _FLUORESCENT):
        return None
    names = [each.get("Name", "").strip() for each in channels]
    if all(_UNNAMED.fullmatch(name) for name in names):
        if not all("Color" in each for each in channels):
            return 0, 1, 2
        names = [_COLOUR_VALUES.get(_whole(each["Color"]) >> 8 & 0xFFFFFF, "") for each in channels]
        if not any(names):
            return 0, 1, 2  # every channel white, as it is shown alone
    places = [_COLOURS.get(name.lower(), -1) for name in names]
    if sorted(places) != [0, 1, 2]:
        return None
    return places.index(0), places.index(1), places.index(2)


def _mpp(named: dict[str, str]) -> tuple[float, float] | None:
    pair = []
    for axis in "XY":
        unit = named.get(f"PhysicalSize{axis}Unit", "µm").replace("\u03bc", "µm")  # Greek mu is written too
        if unit not in _UM_PER_NAME or f"PhysicalSize{axis}" not in named:
            return None
        try:
            pair.append(float(named[f"PhysicalSize{axis}"]) * _UM_PER_NAME[unit])
        except ValueError:
            return None
    return pair[0], pair[1]


def _whole(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError:
        return 0
