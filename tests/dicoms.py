"""DICOM series made for the tests: a lopsided phantom with secrets planted all over its header."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

SECRET = "Zorblax"
AXIAL, SAGITTAL, CORONAL = (1, 0, 0, 0, 1, 0), (0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1)


@contextmanager
def _whatever_is_written():
    """Let what is against the standard be written: the reader has to bear it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def phantom(slices=20, rows=12, columns=10):
    """No two voxels are alike, so that no flip or swap goes unseen."""
    return np.arange(slices * rows * columns, dtype=np.int16).reshape(slices, rows, columns)


def slice_of(pixels, number, position, orientation=AXIAL, series=None, **fields):
    """Return one slice as a dataset; ``fields`` replace elements, and None takes one away."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(series), str(number)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[str(series)])
    data.StudyInstanceUID = generate_uid(entropy_srcs=["study"])
    data.Modality, data.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M"]
    data.SeriesNumber, data.InstanceNumber = 3, number
    data.PatientName = data.PatientID = data.InstitutionName = data.OperatorsName = SECRET
    data.ReferringPhysicianName = data.SeriesDescription = data.ProtocolName = data.StationName = SECRET
    data.PatientComments = data.ImageComments = data.StudyDescription = data.DeviceSerialNumber = SECRET
    data.PatientBirthDate, data.StudyDate, data.AcquisitionDate = "19510203", "20210405", "20210405"
    data.AcquisitionTime = data.StudyTime = "112233.5"
    data.PatientAge, data.PatientSex = "070Y", "F"
    data.Manufacturer, data.ManufacturerModelName = "SIEMENS", "Prisma_fit"
    data.MagneticFieldStrength, data.EchoTime, data.RepetitionTime = 3, 2.5, 2300
    data.add_new(0x00091010, "LO", SECRET)
    data.ImagePositionPatient, data.ImageOrientationPatient = list(position), list(orientation)
    data.PixelSpacing, data.SliceThickness = [2.0, 1.5], 3.0
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, 1
    data.PixelData = pixels.tobytes()
    with _whatever_is_written():
        for name, value in fields.items():
            if value is None:
                delattr(data, name)
            else:
                setattr(data, name, value)
    return data


def write_series(
    folder: Path, pixels=None, orientation=AXIAL, step=3.0, series="a", keep=None, shift=(0, 0, 0), **fields
):
    """Write a series of parallel slices, one file each; ``keep`` chooses slices, ``shift`` shears them."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = phantom() if pixels is None else pixels
    turn = np.array(orientation, dtype=float)
    normal = np.cross(turn[:3], turn[3:])
    for number, plane in enumerate(pixels):
        if keep is not None and number not in keep:
            continue
        place = np.array([-20.0, -30.0, 10.0]) + number * (step * normal + np.array(shift))
        data = slice_of(plane, number + 1, place.round(6), orientation, series, **fields)
        # Files lie in no order: a sort by name would be wrong.
        with _whatever_is_written():
            data.save_as(folder / f"{series}-{(number * 7) % 31:02d}-{number:02d}.dcm")
    return folder


def add_groups(target, groups):
    """Add sequences of one item each to a dataset."""
    for name, elements in groups.items():
        item = Dataset()
        for keyword, value in elements.items():
            setattr(item, keyword, value)
        setattr(target, name, [item])


def multiframe(path: Path, pixels=None, *, uneven=False, shared_groups=None, frame_groups=None, **fields):
    """Write an enhanced MR image: all slices in one file, their places in functional groups.

    ``shared_groups`` and ``frame_groups`` add sequences of one item, from names to elements; ``frame_groups``
    is called with a frame's number.
    """
    pixels = phantom() if pixels is None else pixels
    given = {"EchoTime": None, "RepetitionTime": None, **fields}
    data = slice_of(pixels[0], 1, (0, 0, 0), series="multi", **given)
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"):
        if name not in fields:
            delattr(data, name)
    data.NumberOfFrames, data.PixelData = len(pixels), pixels.tobytes()
    shared, measures, turn = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness, measures.SpacingBetweenSlices = [2.0, 1.5], 3.0, 3.0
    turn.ImageOrientationPatient = list(AXIAL)
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [turn]
    add_groups(shared, shared_groups or {})
    data.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for number in range(len(pixels)):
        group, place, content = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [-20.0, -30.0, 10.0 + 3.0 * number + (1.5 * (number > 9) * uneven)]
        content.InStackPositionNumber, content.StackID = number + 1, "1"
        content.DimensionIndexValues = [1, number + 1]
        group.PlanePositionSequence, group.FrameContentSequence = [place], [content]
        add_groups(group, frame_groups(number) if frame_groups else {})
        frames.append(group)
    data.PerFrameFunctionalGroupsSequence = frames
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path)
    return path
