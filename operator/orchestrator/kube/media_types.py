"""The media types that the API server accepts and returns.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
FRAMES = "application/vnd.kubernetes.protobuf"
"""For a watch: messages, each preceded by its length in four bytes, big-endian."""
