"""What a vision model says of pictures: descriptions of figures, and the text of pages that nothing else can read."""

from docpipe.describe.descriptions import Descriptions, open_descriptions
from docpipe.describe.prompt import PROMPT_VERSION
from docpipe.describe.vision_model import Said, VisionModel

__all__ = ["PROMPT_VERSION", "Descriptions", "Said", "VisionModel", "open_descriptions"]
