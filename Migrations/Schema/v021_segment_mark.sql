-- How far the segment has the entity: a workflow task that is begun anew does not make an earlier wait point true again. See decision 063.
ALTER TABLE record ADD COLUMN segment_run TEXT;
ALTER TABLE record ADD COLUMN segment_activity INTEGER;
