"""The validating admission webhook: what people apply is reviewed before it is stored."""
