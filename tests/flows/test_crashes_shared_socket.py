"""A process that starts must not stop those that answer on the same socket."""

from __future__ import annotations

import os

from api.serve.sockets import inherited, listen


def test_a_process_that_inherits_the_socket_does_not_make_it_block_the_others() -> None:
    with listen("127.0.0.1", 0) as listener, inherited(os.dup(listener.fileno())) as theirs, theirs.dup():
        assert not os.get_blocking(listener.fileno())
