"""The main job: sound to motion, motion to frames, frames to an MP4 file, and the avatar packs it draws from."""
