"""What survives a power cut, on images of a disk that lost its power at any instant."""
