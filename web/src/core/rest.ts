// Generated from the REST interface by the test `typescript_of_the_rest_interface_is_what_the_code_says`; `cargo xtask docs` writes it.

/** Something that has access to an account. */
export type Access = { readonly app_password: boolean; readonly connected: boolean; readonly device?: string | null; readonly first_seen?: string | null; readonly id: string; readonly knows_password: boolean; readonly last_seen?: string | null; readonly software?: string | null; };

/** All that has access. */
export type AccessList = { readonly items: readonly (Access)[]; };

/** Who has got it. */
export type Announced = { readonly recipients: number; };

/** Something for everybody. */
export type Announcement = { readonly text: string; };

/** The certificate in force. */
export type CertificateStatus = { readonly days_left: number; readonly expires: string; readonly names: readonly (string)[]; readonly self_signed: boolean; };

/** Whether somebody may log in. */
export type EnabledChange = { readonly enabled: boolean; };

/** An entry of the log. */
export type Entry = { readonly action: string; readonly actor: string; readonly at: string; readonly detail: string; readonly digest: string; readonly door: string; readonly number: number; readonly subject: string; };

/** A page of the log. */
export type EntryPage = { readonly items: readonly (Entry)[]; readonly next?: string | null; };

/** A group that somebody is in. */
export type Group = { readonly name: string; readonly people: number; };

/** All groups. */
export type GroupList = { readonly items: readonly (Group)[]; };

/** The groups of somebody. */
export type GroupsChange = { readonly groups: readonly (string)[]; };

/** Where the audit log ends. */
export type Head = { readonly head: string; };

/** An invitation. Its link is shown only when it is made. */
export type Invitation = { readonly created: string; readonly expires: string; readonly id: string; readonly inviter?: string | null; readonly makes_account: boolean; readonly name?: string | null; readonly open: boolean; readonly times: number; readonly uses: number; };

/** Invitations. */
export type InvitationList = { readonly items: readonly (Invitation)[]; };

/** An app password that was just made. */
export type MadeAppPassword = { readonly id: string; readonly label: string; readonly password: string; };

/** An invitation that was just made. */
export type MadeInvitation = { readonly expires: string; readonly page?: string | null; readonly uri: string; };

/** A token that was just made. */
export type MadeToken = Token & { readonly secret: string; };

/** The account of the token, and what the token may do now. */
export type Me = Person & { readonly scopes: readonly (string)[]; readonly session: boolean; };

/** Somebody with a standing. */
export type Member = { readonly address: string; readonly affiliation: Standing; readonly nick?: string | null; readonly present: boolean; readonly reason?: string | null; };

/** Everybody with a standing. */
export type MemberList = { readonly items: readonly (Member)[]; };

/** The message that everybody gets who comes. */
export type MessageOfTheDay = { readonly text?: string | null; };

/** An app password to be made. */
export type NewAppPassword = { readonly label: string; };

/** An invitation to be made. */
export type NewInvitation = { readonly days?: number | null; readonly name?: string | null; readonly uses?: number | null; };

/** Something to be written. */
export type NewMessage = { readonly text: string; };

/** An account to be made. */
export type NewPerson = { readonly display_name?: string | null; readonly groups?: readonly (string)[]; readonly name: string; readonly password?: string | null; readonly role?: RoleName | null; };

/** A room to be made. */
export type NewRoom = { readonly addresses_shown?: boolean | null; readonly archived?: boolean | null; readonly description?: string | null; readonly group?: string | null; readonly listed?: boolean | null; readonly max_occupants?: number | null; readonly members_only?: boolean | null; readonly moderated?: boolean | null; readonly name: string; readonly owner?: string | null; readonly title?: string | null; };

/** A standing to be given. */
export type NewStanding = { readonly affiliation: Standing; readonly reason?: string | null; };

/** A token to be made. */
export type NewToken = { readonly days?: number | null; readonly label: string; readonly scopes: readonly (string)[]; };

/** A password. */
export type PasswordChange = { readonly password: string; };

/** An account. */
export type Person = { readonly address: string; readonly created: string; readonly display_name?: string | null; readonly enabled: boolean; readonly groups: readonly (string)[]; readonly name: string; readonly role: RoleName; };

/** What of an account is changed. */
export type PersonChange = { readonly display_name?: string | null; };

/** A page of accounts. */
export type PersonPage = { readonly items: readonly (Person)[]; readonly next?: string | null; readonly total: number; };

/** A message that is in the room. */
export type PostedMessage = { readonly id?: string | null; };

/** Why something was not done, and what to do about it. */
export type Problem = { readonly detail: string; readonly status: number; readonly title: string; readonly type: string; };

/** A role. */
export type RoleChange = { readonly role: RoleName; };

/** What an account may do for the house. */
export type RoleName = "person" | "auditor" | "helpdesk" | "administrator" | "owner";

/** A room. */
export type Room = { readonly address: string; readonly addresses_shown: boolean; readonly archived: boolean; readonly description?: string | null; readonly group?: string | null; readonly listed: boolean; readonly max_occupants?: number | null; readonly members_only: boolean; readonly moderated: boolean; readonly name: string; readonly open: boolean; readonly password: boolean; readonly persistent: boolean; readonly title?: string | null; };

/** A room, with what is known when one looks at it alone. */
export type RoomDetails = Room & { readonly created: string; readonly members: number; readonly occupants: number; readonly subject?: string | null; };

/** A page of rooms. */
export type RoomPage = { readonly items: readonly (Room)[]; readonly next?: string | null; readonly total: number; };

/** How a room is set up. What is left out stays as it is, or as is usual. */
export type RoomSettings = { readonly addresses_shown?: boolean | null; readonly archived?: boolean | null; readonly description?: string | null; readonly group?: string | null; readonly listed?: boolean | null; readonly max_occupants?: number | null; readonly members_only?: boolean | null; readonly moderated?: boolean | null; readonly title?: string | null; };

/** How somebody stands in a room (XEP-0045 §5.2). */
export type Standing = "outcast" | "member" | "admin" | "owner";

/** How the server is. */
export type Status = { readonly accounts: number; readonly certificate?: CertificateStatus | null; readonly domain: string; readonly last_backup?: string | null; readonly problem?: string | null; readonly ready: boolean; readonly rooms: number; readonly sessions: number; readonly started: string; readonly store: StoreStatus; readonly version: string; };

/** The store. */
export type StoreStatus = { readonly commits: number; readonly failed_commits: number; readonly failing: boolean; readonly log_bytes: number; readonly queued_bytes: number; };

/** A token. The token itself is shown only when it is made. */
export type Token = { readonly created: string; readonly expires?: string | null; readonly id: string; readonly label: string; readonly last_used?: string | null; readonly scopes: readonly (string)[]; };

/** All tokens of an account. */
export type TokenList = { readonly items: readonly (Token)[]; };
