"""One client for any endpoint that speaks OpenAI's chat completions: pictures and video in, checked answers out.

An `Endpoint` says where and how to ask, a `Question` what, and which form the answer has. A `Client` asks, live; batch
files are the other way (`write_batches`, `read_results`). Both keep replies in the same `ReplyCache`, so that nothing
is paid for twice.
"""

from vera.vlm.batch import BatchReport, check_batch_folder, read_results, write_batches
from vera.vlm.cache import ReplyCache
from vera.vlm.client import Client
from vera.vlm.endpoint import Endpoint
from vera.vlm.media import image_parts, video_part
from vera.vlm.outcome import Outcome, Problem
from vera.vlm.question import Question, text_part
from vera.vlm.threads import in_threads
from vera.vlm.usage import Usage

__all__ = [
    "BatchReport",
    "Client",
    "Endpoint",
    "Outcome",
    "Problem",
    "Question",
    "ReplyCache",
    "Usage",
    "check_batch_folder",
    "image_parts",
    "in_threads",
    "read_results",
    "text_part",
    "video_part",
    "write_batches",
]
