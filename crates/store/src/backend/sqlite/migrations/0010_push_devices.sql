-- Whose a registration is: it ends with the access of the device that has made it.
ALTER TABLE push ADD COLUMN device TEXT;
