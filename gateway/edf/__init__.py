"""EDF and EDF+: headers, annotations, records, read and written."""
