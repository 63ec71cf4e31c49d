"""Writes NIfTI volumes as DICOM series of one study, as a scanner would send them.

write_dicom.py TARGET STUDY_UID FIRST_SERIES_NUMBER DESCRIPTION=FILE.nii.gz...
"""

import gzip
import struct
import sys
from pathlib import Path

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"


def read(file):
    """Dimensions, affine (rows, mm, RAS+) and bytes of a NIfTI-1 file of 16-bit integers."""
    content = gzip.open(file).read()
    dims = struct.unpack_from("<8h", content, 40)[1:4]
    assert struct.unpack_from("<h", content, 70)[0] == 4, "16-bit integers"
    affine = [struct.unpack_from("<4f", content, 280 + 16 * row) for row in range(3)]
    return dims, affine, content[int(struct.unpack_from("<f", content, 108)[0]) :]


def lps(affine, column):
    """A column of the affine in DICOM's axes."""
    return [-affine[0][column], -affine[1][column], affine[2][column]]


def unit(vector):
    """Length and direction."""
    length = sum(x * x for x in vector) ** 0.5
    return length, [x / length for x in vector]


def write(target, study, number, description, file):
    """One series, a file per slice."""
    dims, affine, voxels = read(file)
    (width, row), (height, column) = unit(lps(affine, 0)), unit(lps(affine, 1))
    thickness, _ = unit(lps(affine, 2))
    series, frame = generate_uid(), generate_uid(entropy_srcs=[study])
    size = dims[0] * dims[1] * 2
    for k in range(dims[2]):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = MR_IMAGE_STORAGE
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        image.SOPClassUID, image.SOPInstanceUID = MR_IMAGE_STORAGE, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.PatientName, image.PatientID, image.PatientBirthDate, image.PatientSex = "Doe^Jane", "4711", "19700101", "F"
        image.Modality, image.Manufacturer, image.SeriesDescription = "MR", "Phantom", description
        image.StudyDate = image.SeriesDate = image.AcquisitionDate = image.ContentDate = "20260102"
        image.StudyTime = image.SeriesTime = image.AcquisitionTime = image.ContentTime = f"1200{number:02}"
        image.StudyID, image.AccessionNumber, image.ReferringPhysicianName = "1", "", ""
        image.SeriesNumber, image.InstanceNumber, image.AcquisitionNumber = number, k + 1, 1
        image.ScanningSequence, image.SequenceVariant, image.ScanOptions, image.MRAcquisitionType = "GR", "SP", "", "3D"
        image.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        image.EchoTime, image.RepetitionTime, image.EchoTrainLength = "3", "2000", "1"
        image.ImageOrientationPatient = [f"{x:.6f}" for x in row + column]
        image.ImagePositionPatient = [f"{lps(affine, 3)[axis] + k * lps(affine, 2)[axis]:.6f}" for axis in range(3)]
        image.PixelSpacing, image.SliceThickness = [f"{height:.6f}", f"{width:.6f}"], f"{thickness:.6f}"
        image.SpacingBetweenSlices = f"{thickness:.6f}"
        image.Rows, image.Columns, image.SamplesPerPixel = dims[1], dims[0], 1
        image.PhotometricInterpretation = "MONOCHROME2"
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
        image.PixelData = voxels[k * size : (k + 1) * size]
        image.save_as(target / f"{number:02}-{k:04}.dcm", enforce_file_format=True)


def main():
    """Write what the command line says."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    for number, argument in enumerate(sys.argv[4:], start=int(sys.argv[3])):
        description, _, file = argument.partition("=")
        write(target, sys.argv[2], number, description, file)


main()
