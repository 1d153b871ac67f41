"""The driver of the type `fileWatch`: objects of S3-compatible storage, and files of volumes."""
