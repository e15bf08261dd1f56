brand = Passerelle
other-language = Français
sign-out = Sign out
back = Back
close = Close
cancel = Cancel
send = Send
yes = Yes
no = No
retry = Try again
waiting = One moment…
session-left = { $n ->
    [one] 1 minute to go
   *[other] { $n } minutes to go
}
minutes-left = { $n ->
    [one] 1 minute left
   *[other] { $n } minutes left
}
still-there = Are you still there? The screen is about to lock.
unreachable-title = The service does not answer
unreachable-body = This terminal keeps trying by itself. You can wait here.
unreachable-session = Your session will go on if it is still open. Otherwise you will have to sign in again.
unreachable-attempt = Trying again…
revoked-title = This terminal was withdrawn
revoked-body = It is no longer allowed to connect. Please tell an officer: the technical team can enrol it again.
enrol-title = Enrol this terminal
enrol-body = Ask the technical team for the address and the code.
enrol-address = Address of the gateway
enrol-address-hint = passerelle.etablissement.fr:8443
enrol-code = Invitation code
enrol-send = Enrol
enrol-failed = The enrolment did not succeed. Check the address and the code.
