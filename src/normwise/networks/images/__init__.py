"""Images."""

from normwise.networks.images.architectures import build_network
from normwise.networks.images.autoencoder import encode_images, train_coder
from normwise.networks.images.columns import image_columns
from normwise.networks.images.gradients import class_maps
from normwise.networks.images.inputs import ImageRows, encode, learn_encoding, read_rows
from normwise.networks.images.settings import CONV_SETTINGS, augmentation_of
from normwise.networks.images.training import (
    ImageSet,
    Settings,
    best_epochs,
    load_weights,
    predict_scores,
    train_member,
)
from normwise.networks.images.transfer import begin_from

__all__ = [
    "CONV_SETTINGS",
    "ImageRows",
    "ImageSet",
    "Settings",
    "augmentation_of",
    "begin_from",
    "best_epochs",
    "build_network",
    "class_maps",
    "encode",
    "encode_images",
    "image_columns",
    "learn_encoding",
    "load_weights",
    "predict_scores",
    "read_rows",
    "train_coder",
    "train_member",
]
