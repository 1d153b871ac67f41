"""From a message in a mailbox to its event: structure, header fields and text, within bounds."""
