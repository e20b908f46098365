"""``python -m services.api``."""

import sys

from services.api.serving import main

sys.exit(main())
