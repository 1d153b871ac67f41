"""What developers and CI need around the product: clusters and images. Not part of the package."""
