"""The algorithm, pure: no network, no disk, no clock, no logging."""
