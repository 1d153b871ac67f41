"""The media types that the API server takes and answers with.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
FRAMES = "application/vnd.kubernetes.protobuf"
"""Of a watch: messages, each after its length in four bytes, the most significant first."""
