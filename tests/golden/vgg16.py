"""Golden numbers for VGG16: what its convolutions make of a picture, by torchvision's own model.

Weights, biases and picture are numbers that both sides compute from their places, so that none of them
need be stored. `vgg16.json` beside it holds what this script computed: the mean over the last picture,
8 x 8, of each of the 512 channels, in float64.

    python vgg16.py                     writes vgg16.json (needs PyTorch and torchvision)
    python vgg16.py --check             recomputes and compares; exits 1 where they disagree
    python vgg16.py --export w.safetensors [tile.png ...]
                                        writes the weights of a torchvision model of random
                                        weights (needs safetensors), and prints what it makes of each
                                        picture, as torchvision reads pictures (needs Pillow): for
                                        train_audio_cnn(weights := 'w.safetensors', network := 'vgg16')
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torchvision

SIDE = 256


def spread(seed, count):
    """Numbers between -1 and 1 from their places: a hash of 32 bits."""
    places = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 20)
    mask = np.uint64(0xFFFFFFFF)
    x = (places * np.uint64(2654435761)) & mask
    x ^= x >> np.uint64(16)
    x = (x * np.uint64(2246822519)) & mask
    x ^= x >> np.uint64(13)
    return x.astype(np.float64) / 2.0**31 - 1.0


def model():
    network = torchvision.models.vgg16(weights=None).features.double().eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            layer, kind = name.split(".")
            if kind == "weight":
                scale = math.sqrt(6.0 / (9 * parameter.shape[1]))
                values = scale * spread(int(layer), parameter.numel())
            else:
                values = 0.1 * spread(100 + int(layer), parameter.numel())
            values = values.astype(np.float32).astype(np.float64)
            parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))
    return network


def golden():
    picture = spread(200, 3 * SIDE * SIDE).astype(np.float32).astype(np.float64)
    with torch.no_grad():
        last = model()(torch.from_numpy(picture).reshape(1, 3, SIDE, SIDE))
    assert last.shape == (1, 512, 8, 8)
    return {"vector": [float(f"{x:.9g}") for x in last.mean((2, 3))[0]]}


def export(path, pictures):
    import safetensors.torch
    from PIL import Image

    torch.manual_seed(1)
    network = torchvision.models.vgg16(weights=None).eval()
    safetensors.torch.save_file(network.state_dict(), path)
    normalise = torchvision.transforms.Compose([
        torchvision.transforms.ToTensor(),
        torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    for name in pictures:
        x = normalise(Image.open(name).convert("RGB"))[None]
        with torch.no_grad():
            print(json.dumps(network.features(x).mean((2, 3))[0].tolist()))


def main():
    if "--export" in sys.argv:
        at = sys.argv.index("--export")
        return export(sys.argv[at + 1], sys.argv[at + 2:])
    place = Path(__file__).with_suffix(".json")
    computed = golden()
    if "--check" not in sys.argv:
        place.write_text(json.dumps(computed) + "\n")
        return None
    stored = json.loads(place.read_text())["vector"]
    apart = max(abs(a - b) for a, b in zip(stored, computed["vector"], strict=True))
    print(f"largest difference {apart:.2e}")
    return int(apart > 1e-6)


if __name__ == "__main__":
    sys.exit(main())
