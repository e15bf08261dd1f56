# People, terminals, staff.
menu-people = People
menu-terminals = Terminals
menu-staff = Staff
cancel = Cancel
save = Save
noted = I noted it
shown-once = It will not be shown again. Note it now.

people-title = People
people-search = Name, number or group
people-none = Nobody matches.
people-count = { $count ->
    [one] One person
   *[other] { $count } people
}
people-gone = { $count ->
    [one] One person who left
   *[other] { $count } people who left
}
person-page = The person
person-add = Add a person
person-id = Number
person-id-hint = That of the establishment: letters without accents, digits, dots and hyphens. It never changes.
person-name = Name
person-groups = Groups
person-groups-hint = Separated by commas. Everybody is in "everyone".
person-trio = Trio
person-trio-none = No member of staff is guard, counsellor or referent yet.
person-added = Since
person-active = present
person-locked = locked
person-released = left
person-lock = Lock
person-unlock = Unlock
person-release-title = Release a person
person-release = Release…
person-release-now = Release for good
person-release-help = The person leaves the establishment: their session ends, they can't sign in any more, their personal grants lapse. This can't be undone; whoever comes back gets a new number.
person-assign = Groups and trio
person-assign-hint = Where groups change, an open session ends, so that the new ones hold at once.
person-pin = Give a new PIN
person-pin-hint = For whoever forgot theirs, or gave it away. An open session ends.
pin = PIN
pin-hint = { $least } to { $most } digits. Leave it empty: one is drawn at random and shown once.
pin-title = The PIN
pin-help = Hand this PIN to the person, and to nobody else. They can change it at the terminal.
person-sessions = Sessions
person-no-session = No session.
person-signed-in = signed in
person-requests = Requests
person-no-request = No request.
person-grant-why = Reason
done-person-added = The person is added.
done-person-locked = The person is locked: their session has ended, they can't sign in.
done-person-unlocked = The person can sign in again.
done-person-assigned = Groups and trio are stored.
done-person-pin = The new PIN is stored.
done-person-released = The person has left.

terminals-title = Terminals
terminals-none = No terminal is enrolled yet. Invite the first.
terminals-count = { $count ->
    [one] One terminal
   *[other] { $count } terminals
}
terminal-name = Name of the terminal
terminal-seen = Last seen
terminal-never-seen = never
terminal-enrolled = Enrolled
terminal-active = active
terminal-silent = silent
terminal-revoked = revoked
terminal-replaced = replaced
terminal-invite = Invite a terminal
terminal-invite-hint = A code is shown once; it is good for 24 hours and one enrolment. An earlier code of the same name is void.
terminal-code-title = The terminal's code
terminal-code-help = To be typed at the terminal, which asks for the gateway's address too.
terminal-gateway = Address of the gateway
terminal-command = Or on the terminal's command line
terminal-revoke-title = Revoke a terminal
terminal-revoke = Revoke…
terminal-revoke-now = Revoke this terminal
terminal-revoke-help = The terminal is refused at once and its sessions end. To come back it must be invited again.
done-terminal-revoked = The terminal is revoked.

staff-title = Staff
staff-count = { $count ->
    [one] One person
   *[other] { $count } people
}
staff-member = Member of staff
staff-role = Role
staff-last = Last sign-in
staff-never = never
staff-one-time = one-time password
staff-add = Add a member of staff
staff-add-hint = A one-time password is shown once. At the first sign-in it must be replaced, and an authenticator application enrolled.
staff-factor = Second factor
staff-factor-yes = enrolled
staff-factor-no = not enrolled yet
staff-change-role = Change the role
staff-change-role-hint = The person is signed out and signs in again with the new role.
staff-reset = Give a one-time password
staff-reset-hint = The old one is void and the person is signed out. To close an account, hand the new one to nobody.
staff-reset-factor = The device is lost: enrol a new second factor too
one-time-title = One-time password
one-time-help = Hand it to this person, and to nobody else. They will have to choose another.
done-staff-role = The role is changed.
