"""The driver of the type `email`: a mailbox that is read over IMAP."""
