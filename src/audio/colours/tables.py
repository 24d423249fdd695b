"""Writes the public-domain colour scales magma and viridis as 256 × (red, green, blue) bytes.

    pip install matplotlib
    python tables.py
"""

from pathlib import Path

import numpy as np
from matplotlib import colormaps

for name in ("magma", "viridis"):
    table = np.round(np.array(colormaps[name].colors) * 255).astype(np.uint8)
    (Path(__file__).parent / f"{name}.rgb").write_bytes(table.tobytes())
