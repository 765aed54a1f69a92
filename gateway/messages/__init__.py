"""Messages between the pipeline and the outputs."""
