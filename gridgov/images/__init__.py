"""Photos: told from other files by content, bounded before they are decoded, encoded anew without metadata."""

from gridgov.images.photo import Limits, Photo, read_photo

__all__ = ["Limits", "Photo", "read_photo"]
