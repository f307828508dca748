"""The built-in sketching renderer. It is not an AI model, and its files say so in their metadata.

It promises: pictures, films, words and scores from a `StepRequest` alone, on the CPU, without any
network, database or setting; equal requests give equal bytes on one machine. Its words are scene
(a family of compositions), brief (what a scene is given), layer (with a depth), palette, sheet.
It may import `generation.providers.protocol` and nothing else of this project.

    sketch.render(kind="image", request=request, out_dir=folder) -> Rendered
"""

from generation.sketch.judge import Score
from generation.sketch.render import Rendered, render
from generation.sketch.request import RequestRefused

__all__ = ["Rendered", "RequestRefused", "Score", "render"]
