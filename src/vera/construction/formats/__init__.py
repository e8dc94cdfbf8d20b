"""Masks as other programs keep them: COCO's run lengths, DAVIS' palette pictures, CVAT's XML; and what mends them."""
