-- A legacy machine that runs as a service keeps its records itself: which version ours is a copy of, and the last epoch it was told.
ALTER TABLE record ADD COLUMN legacy_version INTEGER;
ALTER TABLE record ADD COLUMN legacy_epoch INTEGER;
