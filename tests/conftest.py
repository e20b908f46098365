"""For every test. Imports nothing of ours and no third party but pytest: GPU tests run it on a bare machine."""
