"""`verify`: what landed, compared with the checkpoint, row by row."""
