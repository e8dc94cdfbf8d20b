"""The data engine's steps without any network: classical functions of arrays that run on a processor.

Clips are uint8 `[T,H,W,3]` R'G'B', masks bool `[T,H,W]`, mattes and alphas float32 `[T,H,W]` in [0,1].
"""

from vera.construction.embedded.background import (
    Replaced,
    panorama_background,
    photo_background,
    photo_scale,
    replace_background,
    video_background,
)
from vera.construction.embedded.camera import CameraTrack, track_camera
from vera.construction.embedded.effects import find_effects
from vera.construction.embedded.layers import NOISE, ObjectLayers, object_layers
from vera.construction.embedded.matte import mattes
from vera.construction.embedded.moving import changes, pick_moving, track_moving
from vera.construction.embedded.pasted import Pasted, paste_plate
from vera.construction.embedded.plate import (
    BESIDE_LIMIT,
    UNSEEN_LIMIT,
    CleanPlate,
    clean_plate,
    fidelity_beside,
    holes_of,
    unseen_share,
)
from vera.construction.embedded.propose import Proposal, propose_objects
from vera.construction.embedded.scene_words import scene_words
from vera.construction.embedded.screen import Scores, hash_distance, perceptual_hash, screen
from vera.construction.embedded.segment import AROUND, Prompts, carry, mask_from_prompts, propagate

__all__ = [
    "AROUND",
    "BESIDE_LIMIT",
    "NOISE",
    "UNSEEN_LIMIT",
    "CameraTrack",
    "CleanPlate",
    "ObjectLayers",
    "Pasted",
    "Prompts",
    "Proposal",
    "Replaced",
    "Scores",
    "carry",
    "changes",
    "clean_plate",
    "fidelity_beside",
    "find_effects",
    "hash_distance",
    "holes_of",
    "mask_from_prompts",
    "mattes",
    "object_layers",
    "panorama_background",
    "paste_plate",
    "perceptual_hash",
    "photo_background",
    "photo_scale",
    "pick_moving",
    "propagate",
    "propose_objects",
    "replace_background",
    "scene_words",
    "screen",
    "track_camera",
    "track_moving",
    "unseen_share",
    "video_background",
]
