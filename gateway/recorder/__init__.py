"""The night's recording on disk: written, mended, listed.

Recordings to replay or to score are read by `gateway.recordings`.
"""
