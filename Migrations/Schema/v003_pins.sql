-- Decisions that hold for an entity whatever the plan says later, for example '5.2=legacy 6=durable'.

ALTER TABLE ownership ADD COLUMN pins TEXT NOT NULL DEFAULT '';
