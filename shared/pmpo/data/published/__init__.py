"""Published data sets: their files, as their authors publish them, to rows that a job can use. None is part of pmpo."""
