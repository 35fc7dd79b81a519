"""`python -m api.cli`, for when the console script is not on the path."""

from __future__ import annotations

from api.cli import main

if __name__ == "__main__":
    main()
