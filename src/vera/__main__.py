"""`python -m vera`, and with it `torchrun -m vera`: the same as the command `vera`."""

from vera.cli import main

raise SystemExit(main())
