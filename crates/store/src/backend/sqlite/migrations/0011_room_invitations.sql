-- Who was invited into a room and has neither come nor refused.
CREATE TABLE room_invitation (
  room INTEGER NOT NULL REFERENCES room ON DELETE CASCADE,
  invitee TEXT NOT NULL,
  inviter TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (room, invitee, inviter)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_invitation_by_invitee ON room_invitation (invitee);
CREATE INDEX room_invitation_by_inviter ON room_invitation (inviter);
CREATE INDEX room_hat_worn_by_address ON room_hat_worn (address);
