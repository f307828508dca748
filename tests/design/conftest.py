"""Pictures and a video for the sample pages."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def sample_media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """p1.jpg … p8.jpg, each of one colour, and c1.mp4: 48 frames at 24 a second, frame n as grey as 5 n."""
    folder = tmp_path_factory.mktemp("samples")
    for number in range(1, 9):
        Image.new("RGB", (320, 180), (30 * number, 90, 200 - 20 * number)).save(folder / f"p{number}.jpg")
    with av.open(str(folder / "c1.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(48):
            picture = np.full((180, 320, 3), 5 * number, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return folder
