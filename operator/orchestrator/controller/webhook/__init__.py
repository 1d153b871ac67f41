"""The validating admission webhook: reviews objects that users apply before they are stored."""
