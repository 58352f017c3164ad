-- What an account may do for the house: a role in place of yes or no. 4 is the owner.
ALTER TABLE account ADD COLUMN role INTEGER NOT NULL DEFAULT 0;
UPDATE account SET role = 4 WHERE admin;
ALTER TABLE account DROP COLUMN admin;
