"""`download`: a dataset's public files, whole and verified, into the store."""
