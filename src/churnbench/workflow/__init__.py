"""The main job end to end, and the notebook facade."""
