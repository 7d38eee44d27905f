"""Networks for images of two or three axes.

* ``settings``: what the settings of a network may be.
* ``inputs``: images and demographics out of arrays or a frame with a column a voxel.
* ``conv_network``: a convolutional network with its settings, training and weights.
* ``weights``: weights and shapes that were read from a file, checked.
* ``architectures``: residual trunk, MONAI's trunks, and the head that joins the demographics.
* ``augmentation``: random changes of a batch of images.
* ``training``: batches, epochs, scores and Grad-CAM maps.
* ``transfer``: weights of another network to begin with.
* ``autoencoder``: encoder and decoder, and their training.

The last five import torch at their top; nothing here imports them before a network is trained or used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from normwise.networks.images.conv_network import ConvNetwork
from normwise.networks.images.inputs import (
    image_columns,
    image_frame,
    image_layout,
    learn_encoding,
    read_rows,
)
from normwise.networks.images.settings import CONV_SETTINGS, augmentation_of
from normwise.networks.images.weights import check_image_shape, check_weights

if TYPE_CHECKING:
    from normwise.networks.images.autoencoder import build_coder, encode_images, train_coder
    from normwise.networks.images.transfer import save_trunk

__all__ = [
    "CONV_SETTINGS",
    "ConvNetwork",
    "augmentation_of",
    "build_coder",
    "check_image_shape",
    "check_weights",
    "encode_images",
    "image_columns",
    "image_frame",
    "image_layout",
    "learn_encoding",
    "read_rows",
    "save_trunk",
    "train_coder",
]

_WITH_TORCH = {
    "build_coder": "autoencoder",
    "encode_images": "autoencoder",
    "save_trunk": "transfer",
    "train_coder": "autoencoder",
}


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_TORCH[name]}"), name)
