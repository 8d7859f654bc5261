"""Flash and files: everything that must survive a power cut. Standard library only, for the recovery system."""
