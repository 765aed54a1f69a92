"""Host machine: temperature, memory, storage, clock."""
