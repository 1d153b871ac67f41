"""What people and programs ask for, as manifests that are checked before they are sent."""
