"""From a raw T1-weighted head to the volume of every region, in the person's own space."""
