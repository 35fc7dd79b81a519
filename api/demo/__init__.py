"""The service with a believable history, for somebody who wants to look around."""
