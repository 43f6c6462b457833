-- A review that was set aside may be taken back by somebody, who is kept beside it.
ALTER TABLE reviews ADD COLUMN taken_back_by text;
