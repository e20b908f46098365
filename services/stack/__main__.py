"""``python -m services.stack``."""

import sys

from services.stack.main import main

sys.exit(main(sys.argv[1:]))
